const response = await fetch('$HOST/api/v1/collections', {
  headers: { 'X-API-Key': '$KEY' }
});
console.log(await response.text());
