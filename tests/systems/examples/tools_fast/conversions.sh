# Discovery endpoint
curl -sS "$HOST/convert/conversions" \
-H "X-Fast-Api-Key: $KEY"
