curl -X POST $HOST/api/image-compress \
  -H "x-api-key: $KEY" \
  -F "file=@image.jpg" \
  -F "quality=80" \
  -o compressed.jpg
