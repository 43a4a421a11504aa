# Action endpoint (requires API key)
curl -sS -X POST "$HOST/convert" \
-H "X-Fast-Api-Key: $KEY" \
-F "file=@photo.heic" \
-F "targetFormat=jpg"
