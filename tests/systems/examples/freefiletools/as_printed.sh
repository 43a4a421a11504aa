# The page prints `-F "[email protected]"` where `-F "file=@image.jpg"` stood. curl itself refuses that
# argument; a client that sends the rest of the form gets the answer this file provokes.
curl -X POST $HOST/api/image-compress \
  -H "x-api-key: $KEY" \
  -F "[email protected]=" \
  -F "quality=80" \
  -o compressed.jpg
