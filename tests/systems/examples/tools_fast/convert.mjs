import { readFile } from "node:fs/promises";

const form = new FormData();
form.append("file", new Blob([await readFile("photo.heic")]), "photo.heic");
form.append("targetFormat", "jpg");

const response = await fetch("$HOST/convert", {
  method: "POST",
  headers: { "X-Fast-Api-Key": "$KEY" },
  body: form,
});
if (!response.ok) throw new Error(await response.text());
process.stdout.write(Buffer.from(await response.arrayBuffer()));
