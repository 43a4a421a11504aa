import sys

import requests

with open("photo.heic", "rb") as photo:
    response = requests.post(
        "$HOST/convert",
        headers={"X-Fast-Api-Key": "$KEY"},
        files={"file": photo},
        data={"targetFormat": "jpg"},
    )
response.raise_for_status()
sys.stdout.buffer.write(response.content)
