import requests

headers = {
    "x-api-key": "$KEY"
}

files = {
    "file": ("image.jpg", open("image.jpg", "rb"), "image/jpeg")
}

data = {
    "quality": "80"
}

response = requests.post(
    "$HOST/api/image-compress",
    headers=headers,
    files=files,
    data=data
)

with open("compressed.jpg", "wb") as f:
    f.write(response.content)
