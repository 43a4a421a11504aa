import requests

response = requests.post(
    "$HOST/on-demand",
    auth=("$ID", "$SECRET"),
    json={
        "inputs": [{"type": "video", "url": "https://static.fastpix.io/sample.mp4"}],
        "accessPolicy": "public",
    },
)
response.raise_for_status()
print(response.text)
