// The key is sent once, as every client sends it; from then on the session's cookie is enough.

import { call, root } from "../shared/api.js";
import { at, show, text } from "../shared/dom.js";

/** Where the login was asked for: below this server's first address, and nowhere else. */
function next() {
  const asked = new URLSearchParams(location.search).get("next") ?? "";
  const target = new URL(asked.replace(/^[/\\]+/, ""), root);
  return target.origin === root.origin && target.href.startsWith(root.href) ? target : root;
}

// What pages keep in this tab is of whoever has signed out. A session that has ended leads back to where it was.
if (!new URLSearchParams(location.search).has("next")) sessionStorage.clear();

at("login")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    const key = at("key").value.trim();
    if (!/^[\x21-\x7e]+$/.test(key)) throw new Error("This is no API key: it has other characters.");
    await call("POST", "/session", { headers: { Authorization: `Bearer ${key}` } });
    location.replace(next());
  } catch (error) {
    text(at("fault"), error.message);
    show(at("fault"), true);
    at("key").select();
    button.disabled = false;
  }
});
at("key")?.focus();
