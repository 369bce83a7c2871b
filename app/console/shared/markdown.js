// Markdown that the server has made safe. It is the one place where HTML of a text becomes elements.

import { post } from "./api.js";

/** What `POST /markdown` takes; longer texts stay text. */
export const MOST_CHARACTERS = 32768;

/** The elements of a text in Markdown. The server let known tags through alone, and the page's policy runs nothing. */
export async function rendered(text) {
  const { html } = await post("/markdown", { text });
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const fragment = document.createDocumentFragment();
  fragment.append(...parsed.body.childNodes);
  for (const wide of fragment.querySelectorAll("pre, table")) wide.tabIndex = 0; // which a keyboard scrolls then
  return fragment;
}
