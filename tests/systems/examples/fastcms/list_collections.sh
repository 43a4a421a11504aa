curl -H "X-API-Key: $KEY" \
  $HOST/api/v1/collections
