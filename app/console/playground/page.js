// A conversation with a model. Each answer is a job, so that it outlives reloads, broken connections and workers.

import { get, root } from "../shared/api.js";
import { copy } from "../shared/copy.js";
import { act, at, h, keyed, notify, show, text } from "../shared/dom.js";
import { LANGUAGES, code } from "./code.js";
import { isOpen, keep, openCalls, request, restore } from "./conversation.js";
import { NUMBERS } from "./parameters.js";
import { begin, random, run, stop } from "./running.js";
import { announce, turnView } from "./turns.js";

const form = at("form");
const conversation = restore();
const showTurns = keyed(at("turns"), (turn) => turnView(turn, { again, results, isLast: (one) => one === conversation.turns.at(-1) }));
let running = null;
let isDrawn = true;

at("numbers").append(...NUMBERS.map(numberField));
at("language").append(...Object.entries(LANGUAGES).map(([value, name]) => h("option", { value }, name)));
if (matchMedia("(max-width: 56rem)").matches) at("settings").open = false;
fill();
draw();
models();
if (isOpen(conversation.turns.at(-1))) answer(conversation.turns.at(-1));

function numberField({ name, label, min, max, step, normal, hint }) {
  const field = h("input", { name, type: "number", min, max, step: step < 1 ? "any" : step, placeholder: normal, inputmode: "decimal" });
  return h("label", {}, label, field, h("small", {}, hint));
}

/** The form shows what is kept. */
function fill() {
  for (const field of form.elements) {
    if (field.name === "mode") field.checked = field.value === conversation.mode;
    else if (field.name === "system") field.value = conversation.system;
    else if (field.name === "logprobs") field.checked = Boolean(conversation.settings.logprobs);
    else if (field.name && field.name !== "model") field.value = conversation.settings[field.name] ?? "";
  }
  conversation.draft = at("draft").value ||= conversation.draft; // it may have been written before this script was there
}

/** What is kept is what the form shows. */
function read() {
  const given = new FormData(form);
  conversation.mode = given.get("mode");
  conversation.system = given.get("system");
  conversation.model = given.get("model") ?? conversation.model;
  conversation.draft = at("draft").value;
  const names = [...NUMBERS.map(({ name }) => name), "stop", "schema", "tools"];
  conversation.settings = { ...Object.fromEntries(names.map((name) => [name, given.get(name)])), logprobs: given.has("logprobs") };
}

async function models() {
  try {
    const { data } = await get("/models");
    const names = data.filter(({ kind }) => kind === "generative").map(({ id }) => id);
    at("model").replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    if (names.includes(conversation.model)) at("model").value = conversation.model;
    else conversation.model = names[0] ?? "";
    text(at("state"), names.length ? "" : "There is no model that generates text and that your key may use.");
    draw();
  } catch (error) {
    if (error.status >= 400 && error.status < 500) return fault(error);
    setTimeout(models, 2000);
  }
}

function draw() {
  isDrawn = true;
  const isNear = innerHeight + scrollY > document.body.scrollHeight - 160;
  showTurns(conversation.turns, ({ id }) => id);
  const isRunning = Boolean(running);
  show(at("nothing"), !conversation.turns.length);
  show(at("stop"), isRunning);
  at("send").disabled = isRunning || !conversation.model;
  const isChat = conversation.mode === "chat";
  for (const node of document.querySelectorAll(".chats")) show(node, isChat);
  text(at("draft-label"), isChat ? "Your message" : "Prompt, which the model goes on");
  at("draft").placeholder = isChat ? "Enter sends, Shift and Enter begin a new line" : "Ctrl and Enter send it";
  if (at("code").open) showCode();
  if (isRunning && isNear) scrollTo(0, document.body.scrollHeight);
}

/** Draw soon: many tokens may come between two pictures. */
function drawSoon() {
  if (!isDrawn) return;
  isDrawn = false;
  requestAnimationFrame(draw);
}

function save() {
  if (!keep(conversation)) notify("This tab has no room to keep the conversation: a reload would lose it.", "bad");
}

/** The body of what is asked; null, and a word on the field at fault, if it makes no sense. */
function body(draft) {
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  show(at("fault"), false);
  try {
    return request(conversation, draft);
  } catch (error) {
    if (error.field === undefined) throw error;
    at("settings").open = true;
    form.elements[error.field].setAttribute("aria-invalid", "true");
    fault(error);
    return null;
  }
}

function fault({ message }) {
  text(at("fault"), message);
  show(at("fault"), true);
}

function ask() {
  const asked = body();
  if (!asked) return false;
  const turn = begin(asked);
  conversation.turns.push(turn);
  answer(turn);
  return true;
}

async function answer(turn) {
  running = new AbortController();
  save();
  draw();
  await run(turn, { changed: drawSoon, settled: save, signal: running.signal });
  if (!conversation.turns.includes(turn)) return;
  running = null;
  announce(turn);
  draw();
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  read();
  const draft = at("draft").value;
  if (running || !conversation.model) return;
  if (!draft.trim()) return fault({ message: "Write something first." });
  conversation.turns.push({ id: random(), role: "user", content: draft });
  if (!ask()) return conversation.turns.pop();
  at("draft").value = conversation.draft = "";
  save();
});

/** Ask the last question again; or go on after results of tools. */
function again(turn) {
  if (running) return;
  read();
  const place = conversation.turns.indexOf(turn);
  const later = conversation.turns.splice(place);
  if (!ask()) conversation.turns.push(...later);
  draw();
}

function results(turn, texts) {
  if (running) return;
  read();
  const calls = openCalls(conversation);
  const given = calls.map((call, place) => ({ id: random(), role: "tool", call: call.id, name: call.function.name, content: texts[place] }));
  conversation.turns.push(...given);
  if (!ask()) conversation.turns.splice(-given.length);
}

at("draft").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  const isLine = conversation.mode !== "chat" || matchMedia("(pointer: coarse)").matches; // a phone has no Shift and Enter
  if (isLine && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  at("ask").requestSubmit();
});

at("stop").addEventListener("click", ({ currentTarget }) => {
  const turn = conversation.turns.at(-1);
  act(currentTarget, async () => {
    if (turn.job) await stop(turn).catch((error) => error.code === "job_already_finished" || Promise.reject(error));
    else forget(turn);
  });
});

/** A button that goes away, or is disabled, loses the focus: who uses the keyboard goes on in the message. */
for (const id of ["send", "stop"]) {
  at(id).addEventListener("click", ({ detail }) => {
    if (detail === 0) at("draft").focus();
  });
}

/** Give up an answer whose job could not be submitted yet. */
function forget(turn) {
  running.abort();
  Object.assign(turn, { ended: true, status: "cancelled" });
  running = null;
  save();
  draw();
}

at("clear").addEventListener("click", () => {
  restart();
  at("draft").focus();
});

function restart() {
  const turn = conversation.turns.at(-1);
  if (running && turn?.job) stop(turn).catch(() => {});
  running?.abort();
  running = null;
  conversation.turns = [];
  save();
  draw();
}

at("defaults").addEventListener("click", () => {
  conversation.settings = {};
  fill();
  changed();
});

function changed() {
  read();
  show(at("fault"), false);
  save();
  draw();
}

form.addEventListener("input", ({ target }) => {
  if (target.name === "mode") restart();
  changed();
});
form.addEventListener("submit", (event) => event.preventDefault());
at("draft").addEventListener("input", changed);
addEventListener("pagehide", save);

/** The request that would be sent now; if nothing is written, the last one that was. */
function showCode() {
  const asked = body(at("draft").value.trim() ? at("draft").value : "");
  text(at("source"), asked ? code(at("language").value, asked, root.href.replace(/\/$/, "")) : "");
}

at("code").addEventListener("toggle", draw);
at("language").addEventListener("change", showCode);
at("copy").addEventListener("click", ({ currentTarget }) => {
  act(currentTarget, async () => {
    await copy(at("source").textContent);
    notify("Copied. Put your own key in the place of the one that stands there.");
  });
});
