// Sends the form by fetch and offers the answer as a file. Nothing here knows a key. What it says
// is on #result, in the language of the page.
"use strict";

const form = document.getElementById("compress");
const result = document.getElementById("result");
const save = document.getElementById("save");

const say = result.dataset;
const kilobytes = (bytes) =>
  Math.max(1, Math.round(bytes / 1024)).toLocaleString(document.documentElement.lang);

async function compress() {
  const file = form.elements.file.files[0];
  save.hidden = true;
  result.textContent = say.working;
  const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
  if (!response.ok) {
    const problem = await response.json();
    throw new Error(problem.message);
  }
  const blob = await response.blob();
  URL.revokeObjectURL(save.href);
  save.href = URL.createObjectURL(blob);
  save.download = `compressed-${file.name}`;
  save.hidden = false;
  result.textContent =
    blob.size < file.size
      ? say.done
          .replace("{before}", kilobytes(file.size))
          .replace("{after}", kilobytes(blob.size))
      : say.noSmaller;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  compress().catch((error) => {
    result.textContent = error.message || say.failed;
  });
});
