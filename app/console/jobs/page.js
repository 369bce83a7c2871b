// Jobs, newest first. What is asked for stands in the address, so that a page can be kept and sent to others.

import { ApiError, get, query } from "../shared/api.js";
import { at, h, keyed, show, text } from "../shared/dom.js";
import { hasEnded, pageOf, short, tone } from "../shared/jobs.js";
import { live } from "../shared/live.js";
import { badge } from "../shared/models.js";
import { ago, duration, moment, whole } from "../shared/words.js";

const LIMIT = 50;
const FILTERS = ["model", "status", "priority", "owner", "dead_letter"];
/** A page of a filter that few jobs match may have none: so many such pages are passed over at once. */
const MOST_PAGES = 20;

const form = at("filters");
const showJobs = keyed(at("jobs"), row);
let last = null;

/** Whether the jobs of all owners are here to be seen. */
const isOfAll = Boolean(at("owners"));

const asked = () => Object.fromEntries([...new FormData(form)].filter(([, value]) => value));

/** The jobs that are asked for, over as many calls as there are pages without one. */
async function find() {
  let after = new URLSearchParams(location.search).get("after");
  for (let number = 0; ; number += 1) {
    const page = await get(query("/jobs", { ...(isOfAll && { owner: "*" }), ...asked(), after, limit: LIMIT }));
    if (page.data.length || !page.has_more || number === MOST_PAGES) return page;
    after = page.last_id;
  }
}

const refresh = live(3, async () => {
  let page;
  try {
    page = await find();
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 403].includes(error.status)) throw error;
    text(at("fault"), error.message);
    show(at("fault"), true);
    return;
  }
  show(at("fault"), false);
  showJobs(page.data, ({ id }) => id);
  show(at("empty"), page.data.length === 0);
  show(at("older"), page.has_more);
  show(at("newest"), new URLSearchParams(location.search).has("after"));
  last = page.last_id;
});

function go(after) {
  history.pushState(null, "", query(location.pathname, { ...asked(), after }));
  refresh();
}

function readAddress() {
  const given = new URLSearchParams(location.search);
  for (const name of FILTERS) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = given.get(name) === "true";
    else {
      const value = given.get(name) ?? "";
      if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) field.append(h("option", {}, value));
      field.value = value;
    }
  }
}

form.addEventListener("change", () => go(""));
form.addEventListener("submit", (event) => event.preventDefault());
at("older").addEventListener("click", () => go(last));
at("newest").addEventListener("click", () => go(""));
addEventListener("popstate", () => {
  readAddress();
  refresh();
});
readAddress();
offer();

/** What there is to choose from. */
async function offer() {
  const { models } = await get("/overview");
  const known = new Set([...form.elements.model.options].map(({ value }) => value));
  form.elements.model.append(...models.filter(({ id }) => !known.has(id)).map(({ id }) => h("option", {}, id)));
  if (!isOfAll) return;
  const { data } = await get("/admin/keys");
  at("owners").append(...["admin", "local", ...new Set(data.map(({ owner }) => owner))].map((owner) => h("option", { value: owner })));
}

function row({ id }) {
  const status = badge();
  const parts = { model: h("span"), owner: h("span"), priority: h("span"), accepted: h("time"), took: h("span"), tokens: h("span"), error: h("small", { class: "reason" }) };
  const cell = (label, number, ...children) => h("td", { "data-label": label, class: number && "number" }, ...children);
  const node = h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: pageOf(id), class: "mono", title: id }, short(id))),
    cell("Status", false, h("span", { class: "lines" }, h("span", {}, status.node), parts.error)),
    cell("Model", false, parts.model),
    isOfAll && cell("Owner", false, parts.owner),
    cell("Priority", false, parts.priority),
    cell("Accepted", false, parts.accepted),
    cell("Took", true, parts.took),
    cell("Tokens", true, parts.tokens),
  );
  return {
    node,
    update(job) {
      status.set(job.status, tone(job.status));
      text(parts.error, job.error?.message ?? (job.attempt > 1 ? `begun ${job.attempt} times` : ""));
      text(parts.model, job.model);
      text(parts.owner, job.owner);
      text(parts.priority, job.priority);
      text(parts.accepted, ago(job.created_at));
      parts.accepted.title = moment(job.created_at);
      text(parts.took, took(job));
      text(parts.tokens, job.usage ? whole(job.usage.total_tokens) : "–");
    },
  };
}

/** From its acceptance to its end. The list has whole seconds; the times of a job that succeeded are exact. */
function took(job) {
  if (!hasEnded(job)) return "–";
  const { timings } = job;
  if (timings && job.attempt === 1) return duration(timings.queue_seconds + timings.prefill_seconds + timings.decode_seconds);
  return duration(job.finished_at - job.created_at);
}
