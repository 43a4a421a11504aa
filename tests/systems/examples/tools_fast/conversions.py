import requests

response = requests.get("$HOST/convert/conversions", headers={"X-Fast-Api-Key": "$KEY"})
response.raise_for_status()
print(response.text)
