// The cluster at a glance, asked once a second.

import { address, get, query } from "../shared/api.js";
import { chart } from "../shared/chart.js";
import { at, h, keyed, show, text } from "../shared/dom.js";
import { live } from "../shared/live.js";
import { badge, crew, meter, waiting } from "../shared/models.js";
import { bytes, duration, percent, whole } from "../shared/words.js";

const SECONDS = 300;
const KEPT = "caravan.history";

const speed = chart(at("speed"), { title: "Tokens per second", seconds: SECONDS, show: whole });
const depth = chart(at("waiting"), { title: "Waiting jobs", seconds: SECONDS, show: whole });
const showTiles = keyed(at("tiles"), tile);
const showModels = keyed(at("models"), row);

/** What was seen in this tab, so that a reload goes on with it. */
let history = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");

live(1, async () => {
  const overview = await get("/overview");
  const { models } = overview;
  showTiles(tiles(overview), ({ name }) => name);
  showModels(models, ({ id }) => id);
  show(at("empty"), models.length === 0);
  remember(overview);
  speed.set(history.map(([time, tokens]) => [time, tokens]));
  depth.set(history.map(([time, , jobs]) => [time, jobs]));
});

const sum = (models, figure) => models.reduce((total, model) => total + figure(model), 0);

function tiles({ models, redis }) {
  const slots = sum(models, (model) => model.slots);
  const busy = sum(models, (model) => model.busy);
  const failed = models.filter(({ state }) => state === "failed").length;
  const dead = sum(models, (model) => model.dead_letters);
  const shown = [
    { name: "Models", value: `${models.filter(({ state }) => state === "loaded").length} of ${models.length} loaded`, tone: failed ? "bad" : "" },
    { name: "Workers", value: whole(sum(models, (model) => model.workers)) },
    { name: "Slots in use", value: slots ? `${whole(busy)} of ${whole(slots)}` : "none" },
    { name: "Running", value: whole(sum(models, (model) => model.queue.running)), link: "running" },
    { name: "Waiting", value: whole(sum(models, (model) => model.queue.depth)), link: "queued" },
  ];
  if (dead) shown.push({ name: "Dead letters", value: whole(dead), tone: "bad", link: "dead" });
  if (redis) {
    const part = redis.max_bytes ? redis.used_bytes / redis.max_bytes : 0;
    const of = redis.max_bytes ? ` (${percent(part)})` : "";
    shown.push({ name: "Redis", value: bytes(redis.used_bytes) + of, tone: part > 0.9 ? "bad" : "" });
  }
  return shown;
}

function tile({ name, link }) {
  const value = link ? h("a", { href: jobs(link) }) : h("span");
  const node = h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, value));
  return {
    node,
    update(tile) {
      text(value, tile.value);
      node.dataset.tone = tile.tone ?? "";
    },
  };
}

const jobs = (which) => query(address("/console/jobs").href, which === "dead" ? { dead_letter: true } : { status: which });

function row({ id }) {
  const state = badge();
  const slots = meter(`Slots of ${id} in use`);
  const queue = waiting();
  const parts = { workers: h("small"), reason: h("small", { class: "reason" }), speed: h("span"), oldest: h("span"), eta: h("span"), paused: badge() };
  const cell = (label, ...children) => h("td", { "data-label": label }, ...children);
  const node = h(
    "tr",
    {},
    h("th", { scope: "row" }, h("a", { href: query(address("/console/jobs").href, { model: id }) }, id)),
    cell("State", h("span", { class: "lines" }, h("span", {}, state.node, " ", parts.paused.node), parts.workers, parts.reason)),
    cell("Slots", slots.node),
    h("td", { class: "number", "data-label": "Tokens/s" }, parts.speed),
    cell("Waiting", queue.node),
    h("td", { class: "number", "data-label": "Oldest job" }, parts.oldest),
    h("td", { class: "number", "data-label": "A new job begins" }, parts.eta),
  );
  return {
    node,
    update(model) {
      state.set(model.state);
      parts.paused.set(model.queue.state, "busy");
      show(parts.paused.node, model.queue.state !== "open");
      text(parts.workers, crew(model));
      text(parts.reason, model.queue.in_catalogue ? (model.reason ?? "") : "models.yaml does not have it, and jobs wait for it.");
      slots.set(model.busy, model.slots, model.slots ? `${whole(model.busy)} of ${whole(model.slots)}` : "none");
      text(parts.speed, model.tokens_per_second && model.busy ? whole(model.tokens_per_second) : "–");
      queue.set(model.queue);
      text(parts.oldest, model.queue.oldest_age_seconds ? duration(model.queue.oldest_age_seconds) : "–");
      text(parts.eta, eta(model));
    },
  };
}

/** When a job that is accepted now is likely to begin. */
function eta(model) {
  if (model.queue.state === "draining") return "accepts none";
  if (model.queue.state === "paused") return "is paused";
  if (model.eta_seconds === null) return model.slots > model.busy && !model.queue.depth ? "at once" : "not known";
  return model.eta_seconds < 0.05 ? "at once" : `in about ${duration(model.eta_seconds)}`;
}

function remember({ at: time, models }) {
  const tokens = sum(models, (model) => (model.busy ? model.tokens_per_second : 0));
  history = history.filter(([then]) => then > time - SECONDS && then < time);
  history.push([time, tokens, sum(models, (model) => model.queue.depth)]);
  sessionStorage.setItem(KEPT, JSON.stringify(history));
}
