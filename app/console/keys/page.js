// API keys, for admins: their list, a new one whose secret is shown once, and their end.

import { call, get, post } from "../shared/api.js";
import { act, at, h, keyed, notify, show, text } from "../shared/dom.js";
import { live } from "../shared/live.js";
import { ago, bytes, moment, whole } from "../shared/words.js";

const NUMBERS = ["requests_per_minute", "tokens_per_minute", "jobs_in_flight", "streams", "weight"];

if (at("make")) begin();

function begin() {
  const showKeys = keyed(at("keys"), row);
  const refresh = live(10, async () => {
    const { data } = await get("/admin/keys");
    showKeys(data, ({ id }) => id);
    show(at("empty"), data.length === 0);
  });

  at("make").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    button.disabled = true;
    show(at("fault"), false);
    try {
      const made = await post("/admin/keys", body(new FormData(form)));
      text(at("secret"), made.key);
      show(at("made"), true);
      at("secret").focus();
      form.reset();
      refresh();
    } catch (error) {
      text(at("fault"), error.message);
      show(at("fault"), true);
    } finally {
      button.disabled = false;
    }
  });
  at("copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(at("secret").textContent);
    notify(navigator.clipboard ? "Copied." : "This browser copies nothing without TLS: select the key.");
  });
  at("hide").addEventListener("click", () => {
    text(at("secret"), "");
    show(at("made"), false);
  });

  function row(key) {
    const used = h("span");
    const revoke = h("button", { type: "button", class: "danger", "aria-label": `Revoke ${key.name}` }, "Revoke");
    revoke.addEventListener("click", async () => {
      if (!confirm(`Revoke the key '${key.name}' of ${key.owner}? Nobody can call with it any more; its jobs go on.`)) return;
      await act(revoke, () => call("DELETE", `/admin/keys/${encodeURIComponent(key.id)}`));
      refresh();
    });
    const node = h(
      "tr",
      {},
      h("th", { scope: "row", title: key.id }, key.name),
      h("td", { "data-label": "Owner" }, key.owner),
      h("td", { "data-label": "Scopes" }, key.scopes.join(", ")),
      h("td", { "data-label": "Limits" }, limits(key.limits)),
      h("td", { "data-label": "Last used" }, used),
      h("td", { "data-label": "Expires" }, key.expires_at === null ? "never" : moment(key.expires_at)),
      h("td", { "data-label": "" }, revoke),
    );
    return { node, update: (found) => text(used, found.last_used_at === null ? "never" : ago(found.last_used_at)) };
  }
}

/** What is sent of the form: what is left empty is left out. */
function body(form) {
  const given = (name) => form.get(name)?.trim() || undefined;
  const numbers = NUMBERS.map((name) => [name, given(name) && Number(given(name))]).filter(([, value]) => value !== undefined);
  const models = given("models")?.split(",").map((name) => name.trim()).filter(Boolean);
  return {
    name: given("name"),
    ...(given("owner") ? { owner: given("owner") } : {}),
    scopes: [given("scope")],
    limits: { ...Object.fromEntries(numbers), ...(models ? { models } : {}), priority: given("priority") },
    ...(given("days") ? { expires_in: 86400 * Number(given("days")) } : {}),
  };
}

function limits(of) {
  const told = [
    of.requests_per_minute && `${whole(of.requests_per_minute)} requests/min`,
    of.tokens_per_minute && `${whole(of.tokens_per_minute)} tokens/min`,
    of.jobs_in_flight && `${whole(of.jobs_in_flight)} jobs`,
    of.streams && `${whole(of.streams)} streams`,
    of.stored_bytes && `${bytes(of.stored_bytes)} of files`,
    of.result_bytes && `${bytes(of.result_bytes)} of results`,
    of.priority !== "high" && `at most ${of.priority}`,
    of.weight !== 1 && `weight ${of.weight}`,
    of.models && `only ${of.models.join(", ")}`,
  ];
  return told.filter(Boolean).join(" · ") || "the defaults";
}
