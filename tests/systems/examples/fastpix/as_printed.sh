curl -X POST '$HOST/on-demand'
--user $ID:$SECRET \
-H 'Content-Type: application/json' \
-d '{
"inputs": [
{
"type": "video",
"url": "https://static.fastpix.io/sample.mp4",
}
],
"accessPolicy": "public"
}'
