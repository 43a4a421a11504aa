curl -i -H "Fastly-Key: $KEY" "$HOST/service"
