// To the clipboard, also where a page without TLS may not write to it.

import { h } from "./dom.js";

/** Copy a text. Throws where the browser forbids it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copySelected(text)) throw new Error("The browser does not let this page copy.");
  }
}

/** The older way, which copies what is selected. */
function copySelected(text) {
  const field = h("textarea", { class: "visually-hidden", readonly: true });
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  return isCopied;
}
