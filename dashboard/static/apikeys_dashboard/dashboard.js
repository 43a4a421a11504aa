/* What makes the dashboard's pages quicker to use. Every page works without it.

   <button data-copy hidden>             copies the <code>, <pre> or <input> in the same .copyable
   <a data-dialog="id">                  opens <dialog id="id"> in place of following the link
   <button data-close>                   closes the dialog around it
   <input data-confirm="text">           the form's [data-confirmed] button works once it is typed
   <input type=checkbox data-check-all="name" hidden>  ticks all boxes of that name in the form
   <button data-append="text" data-append-to="id" hidden>  adds a line to a text field
   <form data-once>                      a double click sends it once: the second answer of two would
                                         replace the one that shows the secret
   <div data-show-when="name=a|b">       seen while the form's control `name` has one of the values
   <div id="status" data-copied="…" data-press-to-copy="…" data-store-first="…">  where it is said
                                         what was done, and in which words: inc/status.html
   <div data-secret-page>                around a secret that is shown once:
     [data-secret]                         emptied when the page is left and when it comes back
     [data-stores]                         copying or following it counts as stored; so does
     <input type=checkbox data-stored>     ticking this
     [data-done]                           works once stored; leaving before asks first */
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  /* The words are the page's, in its language. */
  const region = document.getElementById("status");
  const words = region ? region.dataset : {};
  const say = (text) => {
    if (region && text) region.textContent = text;
  };
  const on = (selector, event, handler) => {
    document.addEventListener(event, (e) => {
      const found = e.target instanceof Element && e.target.closest(selector);
      if (found) handler(found, e);
    });
  };

  /* Copying */
  const select = (source) => {
    if ("select" in source) return source.select();
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  const copy = async (button) => {
    const source = button.closest(".copyable").querySelector("code, pre, textarea, input");
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch {
      // No clipboard over plain HTTP, or not allowed.
      select(source);
      say(words.pressToCopy);
      return;
    }
    say(words.copied);
    button.textContent = words.copied ?? label;
    setTimeout(() => { button.textContent = label; }, 2000);
    if (button.hasAttribute("data-stores")) stored();
  };
  on("[data-copy]", "click", copy);

  /* Dialogs and menus */
  on("[data-dialog]", "click", (link, event) => {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    dialog.showModal();
  });
  on("[data-close]", "click", (button, event) => {
    const dialog = button.closest("dialog");
    if (!dialog) return;
    event.preventDefault();
    dialog.close();
  });
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of all("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  /* Forms */
  const confirmations = () => {
    for (const input of all("[data-confirm]")) {
      const matches = input.value.trim() === input.dataset.confirm;
      for (const button of all("[data-confirmed]", input.form ?? document)) button.disabled = !matches;
    }
  };
  const conditions = () => {
    for (const block of all("[data-show-when]")) {
      const [name, values] = block.dataset.showWhen.split("=");
      const form = block.closest("form");
      const chosen = form ? new FormData(form).getAll(name) : [];
      block.hidden = !values.split("|").some((value) => chosen.includes(value));
    }
  };
  on("[data-confirm]", "input", confirmations);
  document.addEventListener("change", conditions);
  on("[data-check-all]", "change", (box) => {
    for (const other of all(`[name="${box.dataset.checkAll}"]`, box.form ?? document)) other.checked = box.checked;
  });
  on("form[data-once] button", "click", (_, event) => {
    if (event.detail > 1) event.preventDefault();
  });
  on("[data-append]", "click", (button) => {
    const field = document.getElementById(button.dataset.appendTo);
    const lines = field.value.split("\n").map((line) => line.trim()).filter(Boolean);
    if (!lines.includes(button.dataset.append)) lines.push(button.dataset.append);
    field.value = lines.join("\n");
    field.focus();
  });

  /* The secret, shown once */
  let waiting = false;
  const done = (enabled) => {
    for (const control of all("[data-done]")) {
      if ("disabled" in control) control.disabled = !enabled;
      else if (enabled) control.removeAttribute("aria-disabled");
      else control.setAttribute("aria-disabled", "true");
    }
  };
  const stored = () => {
    waiting = false;
    for (const box of all("[data-stored]")) box.checked = true;
    done(true);
  };
  const forget = () => {
    for (const element of all("[data-secret]")) {
      element.removeAttribute("href");
      element.removeAttribute("value");
      if ("value" in element) element.value = "";
      else element.textContent = "";
    }
  };
  const guard = () => {
    if (!document.querySelector("[data-secret-page]")) return;
    waiting = true;
    done(false);
    addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });
    addEventListener("pagehide", forget);
    addEventListener("pageshow", (event) => { if (event.persisted) forget(); });
    on("a[data-stores]", "click", stored);
    on("[data-stored]", "change", (box) => { waiting = !box.checked; done(box.checked); });
    on('[data-done][aria-disabled="true"]', "click", (_, event) => {
      event.preventDefault();
      say(words.storeFirst);
    });
  };

  for (const control of all("[data-copy], [data-append], [data-check-all]")) control.hidden = false;
  // Browsers put back what was typed, and what was chosen, after the script has run.
  addEventListener("pageshow", () => { confirmations(); conditions(); });
  confirmations();
  conditions();
  guard();
})();
