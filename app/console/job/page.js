// A job: its life and its text, which goes on through reloads, lost connections and the deaths of workers.

import { address, call, get, post } from "../shared/api.js";
import { act, at, h, notify, show, text } from "../shared/dom.js";
import { follow } from "../shared/events.js";
import { hasEnded, tone } from "../shared/jobs.js";
import { connection } from "../shared/live.js";
import { badge } from "../shared/models.js";
import { count, duration, moment, whole } from "../shared/words.js";
import { moments } from "./life.js";

const id = decodeURIComponent(location.pathname.split("/").pop());
const path = `/jobs/${encodeURIComponent(id)}`;
const status = badge();

let job = null;
let statuses = [];
let choices = [];
let stream = null;

text(at("id"), id);
at("status").append(status.node);
document.title = `Job ${id.slice(0, 8)} · Caravan`;
start();

async function start() {
  try {
    present(await get(path));
  } catch (error) {
    fail(error);
    if (error.status === 0 || error.status >= 500) setTimeout(start, 2000);
    return;
  }
  showRequest();
  read();
  look();
}

/** Follow the stream from its beginning: what was made before comes at once. */
async function read() {
  stream?.abort();
  stream = new AbortController();
  statuses = [];
  choices = [];
  at("texts").replaceChildren(h("p", { class: "faint", id: "nothing" }, "No text yet."));
  try {
    for await (const { event, data } of follow(`${path}/events`, { signal: stream.signal, onConnection: connected })) {
      if (event === "status") {
        statuses.push(data);
        await refresh();
      } else if (event === "token") {
        write(data);
      } else if (event === "done") {
        present(data);
      }
    }
    connected(null);
  } catch (error) {
    fail(error);
  }
}

function connected(error) {
  connection(error);
  const isLive = job && !hasEnded(job);
  text(at("stream"), error ? "the stream goes on when the server answers" : isLive ? "live" : "");
}

/** Text of a choice, put at its end: what was read before stays where it is. */
function write({ index, text: piece }) {
  at("nothing")?.remove();
  if (!choices[index]) {
    const place = h("div", { class: "made" });
    choices[index] = place;
    if (index) at("texts").append(h("h3", {}, `Choice ${index + 1}`));
    at("texts").append(place);
  }
  choices[index].append(piece);
  if (!job.first_token_at) refresh();
}

/** The job again, once at a time. */
let asking = null;
function refresh() {
  asking ??= get(path).then(present).catch(() => {}).finally(() => (asking = null));
  return asking;
}

/** What no event tells: its place in the line, and what it waits for. */
async function look() {
  if (!document.hidden && job.status === "queued") await refresh();
  if (job && !hasEnded(job)) setTimeout(look, 1000);
}

function present(found) {
  const ended = job && !hasEnded(job) && hasEnded(found);
  job = found;
  status.set(job.status, tone(job.status));
  show(at("cancel"), !hasEnded(job));
  show(at("retry"), ["failed", "cancelled", "expired"].includes(job.status));
  show(at("delete"), hasEnded(job));
  show(at("priority-label"), job.status === "queued");
  if (document.activeElement !== at("priority")) at("priority").value = job.priority;
  showWait();
  showLife();
  showFacts();
  if (job.error) fail(job.error);
  if (hasEnded(job) && at("nothing")) text(at("nothing"), "It has no text.");
  if (hasEnded(job) && !choices.length) showResult();
  text(at("json"), JSON.stringify(job, null, 2));
  if (ended) connected(null);
}

function fail(error) {
  text(at("fault"), error.message);
  show(at("fault"), true);
}

function showWait() {
  const parts = [];
  if (job.queue_position) parts.push(`It is number ${whole(job.queue_position)} of the line.`);
  if (job.eta_seconds !== null) parts.push(`It is likely to begin in ${duration(job.eta_seconds)}.`);
  if (job.waits_for && job.waits_for.reason !== "turn") parts.push(job.waits_for.message);
  text(at("waits"), parts.join(" "));
  show(at("waits"), job.status === "queued" && parts.length > 0);
}

function showLife() {
  const found = moments(job, statuses);
  at("life").replaceChildren(
    ...found.map(({ what, at: time, tone: colour, note }, place) =>
      h(
        "li",
        { "data-tone": colour },
        h("strong", {}, what),
        h("time", { title: moment(time), class: "faint" }, place ? `+${duration(time - found[0].at)}` : moment(time)),
        note && h("small", {}, note),
      ),
    ),
  );
}

function showFacts() {
  const { usage, timings, webhook } = job;
  const facts = {
    Model: job.model,
    Operation: job.operation.replaceAll("_", " "),
    Priority: job.priority,
    Attempts: whole(job.attempt),
    Tokens: usage && `${whole(usage.prompt_tokens)} read, ${whole(usage.completion_tokens ?? 0)} made`,
    "From the cache": usage?.prompt_tokens_details?.cached_tokens ? count(usage.prompt_tokens_details.cached_tokens, "token") : null,
    Waited: timings && duration(timings.queue_seconds),
    "Read the prompt in": timings && duration(timings.prefill_seconds),
    "Wrote in": timings && duration(timings.decode_seconds),
    Speed: timings?.tokens_per_second ? `${whole(timings.tokens_per_second)} tokens/s` : null,
    Webhook: webhook && `${webhook.origin}: ${webhook.status}`,
    ...Object.fromEntries(Object.entries(job.metadata).map(([name, value]) => [`metadata.${name}`, value])),
    ...Object.fromEntries(job.deaths.map(({ worker, at: time, found }) => [`Death ${moment(time)}`, `${worker}: ${found}`])),
  };
  const told = Object.entries(facts).filter(([, value]) => value);
  at("facts").replaceChildren(...told.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** What has no stream: vectors, scores and tokens. */
function showResult() {
  if (!job.result || job.result.choices) return;
  at("texts").replaceChildren(h("pre", { class: "json", tabindex: "0" }, JSON.stringify(job.result, null, 2).slice(0, 20000)));
}

async function showRequest() {
  const { request } = await get(`${path}/request`);
  const parts = (request.messages ?? []).map(({ role, content, tool_calls: calls }) =>
    h("div", { class: "asked" }, h("strong", {}, role), h("div", { class: "made" }, plain(content ?? calls))),
  );
  const { messages, ...rest } = request;
  at("request").replaceChildren(...parts, h("pre", { class: "json", tabindex: "0" }, JSON.stringify(messages ? rest : request, null, 2)));
}

const plain = (content) => (typeof content === "string" ? content : JSON.stringify(content, null, 2));

at("cancel").addEventListener("click", ({ currentTarget }) => act(currentTarget, async () => present(await post(`${path}/cancel`))));
at("retry").addEventListener("click", ({ currentTarget }) =>
  act(currentTarget, async () => {
    show(at("fault"), false);
    present(await post(`${path}/retry`));
    read();
    look();
  }),
);
at("delete").addEventListener("click", ({ currentTarget }) => {
  if (!confirm("Delete this job with its result?")) return;
  act(currentTarget, async () => {
    await post("/jobs/delete", { ids: [id] });
    location.assign(address("/console/jobs"));
  });
});
at("priority").addEventListener("change", ({ currentTarget }) =>
  act(currentTarget, async () => {
    present(await call("PATCH", path, { body: { priority: currentTarget.value } }));
    notify(`It has the priority ${job.priority} now.`);
  }),
);
