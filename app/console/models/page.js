// Models: how far each is, its queue, its workers, and what was decided about them.

import { get, post } from "../shared/api.js";
import { act, at, h, keyed, notify, show, text } from "../shared/dom.js";
import { live } from "../shared/live.js";
import { badge, meter, waiting } from "../shared/models.js";
import { quoted } from "../shared/shell.js";
import { ago, bytes, count, percent, whole } from "../shared/words.js";

const isAdmin = at("models").dataset.admin === "true";
const showModels = keyed(at("models"), card);

const refresh = live(2, async () => {
  const [models, queues] = await Promise.all([get("/models"), get("/queues")]);
  const byModel = new Map(queues.data.map((queue) => [queue.model, queue]));
  showModels(models.data.map((model) => ({ ...model, queue: byModel.get(model.id) })), ({ id }) => id);
  show(at("empty"), models.data.length === 0);
  show(at("fixed"), models.data.length > 0 && !models.data.some((model) => model.by_demand));
});

at("reload")?.addEventListener("click", ({ currentTarget }) =>
  act(currentTarget, async () => {
    const { added, removed, changed } = await post("/models/reload");
    const told = Object.entries({ added, removed, changed }).filter(([, names]) => names.length);
    notify(told.length ? told.map(([what, names]) => `${what}: ${names.join(", ")}`).join("; ") : "Nothing has changed.");
    refresh();
  }),
);

function card({ id }) {
  const state = badge();
  const queueState = badge();
  const slots = meter(`Slots of ${id} in use`);
  const line = waiting();
  const name = encodeURIComponent(id);
  const plan = h("p", { class: "faint" }, "What a worker of it would take of memory: ", h("code", {}, `caravan models plan ${quoted(id)}`));
  const parts = { about: h("p", { class: "faint" }), plan, reason: h("p", { class: "reason" }), starting: h("div"), workers: h("ul", { class: "plain" }), decisions: h("ul", { class: "plain" }) };
  const does = (words, path, danger) => {
    const button = h("button", { type: "button", class: danger && "danger" }, words);
    button.setAttribute("aria-label", `${words} ${id}`);
    button.addEventListener("click", () =>
      act(button, async () => {
        await post(path);
        refresh();
      }),
    );
    return button;
  };
  const load = does("Load", `/models/${name}/load`);
  const unload = does("Unload", `/models/${name}/unload`, true);
  const pause = does("Pause", `/queues/${name}/pause`);
  const drain = does("Drain", `/queues/${name}/drain`);
  const resume = does("Resume", `/queues/${name}/resume`);
  const workersPart = h("details", {}, h("summary", {}, "Workers"), parts.workers);
  const decisionsPart = h("details", {}, h("summary", {}, "Decisions of the scaler"), parts.decisions);
  const node = h(
    "article",
    { class: "card model", "aria-label": id },
    h("div", { class: "head" }, h("h2", {}, id), state.node, queueState.node, h("div", { class: "actions" }, load, unload, pause, drain, resume)),
    parts.about,
    parts.plan,
    parts.reason,
    parts.starting,
    h("dl", { class: "line" }, h("div", {}, h("dt", {}, "Slots"), h("dd", {}, slots.node)), h("div", {}, h("dt", {}, "Waiting"), h("dd", {}, line.node))),
    workersPart,
    decisionsPart,
  );
  return {
    node,
    update(model) {
      state.set(model.state);
      queueState.set(`queue ${model.queue?.state ?? ""}`, "busy");
      show(queueState.node, Boolean(model.queue) && model.queue.state !== "open");
      text(parts.about, about(model));
      text(parts.reason, model.reason ?? "");
      slots.set(model.busy, model.slots, model.slots ? `${whole(model.busy)} of ${whole(model.slots)}` : "none");
      if (model.queue) line.set(model.queue);
      parts.starting.replaceChildren(...model.starting.map(start));
      fill(parts.workers, model.workers.map(aboutWorker));
      if (model.num_workers > model.workers.length) parts.workers.append(h("li", {}, `and ${count(model.num_workers - model.workers.length, "more worker")}`));
      show(workersPart, model.num_workers > 0);
      fill(parts.decisions, model.decisions.map(({ at: time, action, worker, reason }) => `${ago(time)}: ${action} ${worker}: ${reason}`));
      show(decisionsPart, model.decisions.length > 0);
      show(parts.plan, model.num_workers === 0);
      show(load, model.by_demand && !["loaded", "loading", "downloading"].includes(model.state));
      show(unload, isAdmin && model.by_demand && model.num_workers > 0);
      const isOpen = model.queue?.state === "open";
      show(pause, isAdmin && isOpen);
      show(drain, isAdmin && isOpen);
      show(resume, isAdmin && Boolean(model.queue) && !isOpen);
    },
  };
}

function aboutWorker({ name, slots, processor, memory_bytes: memory, cache_tokens: room, cache_tokens_used: used }) {
  const parts = [count(slots, "slot"), processor, `${bytes(memory)} of memory`, room && `${whole(used)} of ${whole(room)} tokens cached`];
  return `${name}: ${parts.filter(Boolean).join(", ")}`;
}

function about(model) {
  const parts = [model.kind, `${whole(model.context)} tokens of context`];
  parts.push(model.by_demand ? "workers come and go by demand" : count(model.num_workers, "worker"));
  if (model.busy) parts.push(`${whole(model.tokens_per_second)} tokens/s`);
  if (model.aliases.length) parts.push(`also called ${model.aliases.join(", ")}`);
  if (model.tags.length) parts.push(model.tags.join(", "));
  return parts.join(" · ");
}

function start({ name, state, phase, progress, bytes: here, total_bytes: all, reason }) {
  if (state === "failed") return h("p", { class: "notice bad" }, `${name} failed: ${reason ?? phase}`);
  const bar = h("progress", { max: "1", "aria-label": `${name}: ${phase}` });
  if (progress !== undefined) bar.value = progress;
  const size = here === undefined ? "" : all ? `${bytes(here)} of ${bytes(all)}` : bytes(here);
  const words = [`${name}: ${phase}`, progress === undefined ? "" : percent(progress), size].filter(Boolean).join(" · ");
  return h("p", { class: "meter wide" }, bar, h("span", { class: "figures" }, words));
}

/** A list of texts, changed only where it differs. */
function fill(list, texts) {
  if ([...list.children].map(({ textContent }) => textContent).join("\n") === texts.join("\n")) return;
  list.replaceChildren(...texts.map((each) => h("li", {}, each)));
}
