import { readFile, writeFile } from "node:fs/promises";

const fileInput = { files: [new File([await readFile("image.jpg")], "image.jpg")] };

const formData = new FormData();
formData.append("file", fileInput.files[0]);
formData.append("quality", "80");

const response = await fetch("$HOST/api/image-compress", {
  method: "POST",
  headers: {
    "x-api-key": "$KEY",
  },
  body: formData,
});

const blob = await response.blob();
await writeFile("compressed.jpg", Buffer.from(await blob.arrayBuffer()));
