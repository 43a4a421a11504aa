const response = await fetch("$HOST/convert/conversions", {
  headers: { "X-Fast-Api-Key": "$KEY" },
});
if (!response.ok) throw new Error(await response.text());
console.log(await response.text());
