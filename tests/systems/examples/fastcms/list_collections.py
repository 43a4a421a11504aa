import requests
response = requests.get(
    '$HOST/api/v1/collections',
    headers={'X-API-Key': '$KEY'}
)
print(response.text)
