import requests

keys = "$HOST/api/v1/api-keys"
bearer = {"Authorization": "Bearer $KEY"}
old_key_id = "$ID"


def create_api_key(**fields):
    response = requests.post(keys, json=fields, headers=bearer)
    response.raise_for_status()
    return response.json()


def delete_api_key(key_id):
    requests.delete(f"{keys}/{key_id}", headers=bearer).raise_for_status()


# 1. Create new key
new_key = create_api_key(name="Production Key v2", scopes="*")

# 2. Update services with new key
# ... deployment process ...

# 3. Verify new key works
# ... testing ...
response = requests.get(
    "$HOST/api/v1/collections", headers={"X-API-Key": new_key["key"]}
)
response.raise_for_status()

# 4. Delete old key
delete_api_key(old_key_id)
print(new_key["key"])
