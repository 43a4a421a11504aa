const response = await fetch("$HOST/on-demand", {
  method: "POST",
  headers: {
    Authorization: "Basic " + btoa("$ID:$SECRET"),
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    inputs: [{ type: "video", url: "https://static.fastpix.io/sample.mp4" }],
    accessPolicy: "public",
  }),
});
if (!response.ok) throw new Error(await response.text());
console.log(await response.text());
