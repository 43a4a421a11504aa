curl -H "Fastly-Key: $KEY" "$HOST/service"
