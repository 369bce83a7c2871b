// The turns of a conversation on the page.

import { copy } from "../shared/copy.js";
import { act, at, h, notify, show, text } from "../shared/dom.js";
import { MOST_CHARACTERS, rendered } from "../shared/markdown.js";
import { badge } from "../shared/models.js";
import { count, duration, whole } from "../shared/words.js";
import { isOpen, said } from "./conversation.js";
import { logprobs } from "./logprobs.js";

const TONES = { queued: "", running: "busy", failed: "bad", expired: "bad", cancelled: "" };
const WORDS = { queued: "waits", running: "answers", cancelled: "stopped" };

/** A turn's element: `{node, update(turn)}`. `actions` are `again(turn)` and `results(turn, texts)`. */
export function turnView(turn, actions) {
  if (turn.role === "assistant") return answer(turn, actions);
  const name = turn.role === "tool" ? `Result of ${turn.name}` : "You";
  const body = h("div", { class: "text" });
  return {
    node: h("article", { class: `turn ${turn.role}`, "aria-label": name }, h("h3", {}, name), body),
    update: ({ content }) => text(body, content),
  };
}

function answer(turn, actions) {
  const status = badge();
  const reasoning = h("div", { class: "text" });
  const thinking = h("details", { class: "reasoning" }, h("summary", {}, "Reasoning"), reasoning);
  const body = answerBody();
  const calls = callsView(turn, actions);
  const waits = h("p", { class: "notice", role: "status" });
  const fault = h("p", { class: "notice bad", role: "alert" });
  const figures = h("p", { class: "faint figures" });
  const again = h("button", { type: "button", class: "quiet", onclick: () => actions.again(turn) }, "Again");
  const copied = h("button", { type: "button", class: "quiet", onclick: () => act(copied, () => copy(body.text())) }, "Copy");
  const buttons = h("span", { class: "actions" }, body.button, copied, again);
  const head = h("div", { class: "head" }, h("h3", {}, "Answer"), status.node, buttons);
  const node = h("article", { class: "turn assistant", "aria-label": "Answer" }, head, thinking, body.node, calls.node, waits, fault, figures);
  return {
    node,
    update(turn) {
      const told = said(turn);
      const isRunning = isOpen(turn);
      const state = turn.status ?? "queued";
      status.set(WORDS[state] ?? state, TONES[state] ?? "");
      show(status.node, isRunning || state !== "succeeded");
      show(thinking, Boolean(told.reasoning));
      text(reasoning, told.reasoning);
      body.update(turn, told.content);
      calls.update(turn, told.calls);
      show(buttons, !isRunning);
      text(waits, isRunning && state === "queued" ? (turn.waits ?? "") : "");
      show(waits, waits.textContent !== "");
      show(fault, Boolean(turn.error));
      text(fault, turn.error ?? "");
      text(figures, inWords(turn));
      node.setAttribute("aria-busy", String(isRunning));
    },
  };
}

/** The answer's text: as it came, or as Markdown once it is whole. */
function answerBody() {
  const plain = h("div", { class: "text" });
  const pretty = h("div", { class: "rendered" });
  const button = h("button", { type: "button", class: "quiet", onclick: () => turn(!isRaw) }, "Raw");
  let isRaw = false;
  let state = "none"; // of the rendering: none, asked, there, failed
  function turn(raw) {
    isRaw = raw;
    text(button, isRaw ? "Rendered" : "Raw");
    show(plain, isRaw || state !== "there");
    show(pretty, !isRaw && state === "there");
  }
  async function render(content) {
    state = "asked";
    try {
      pretty.replaceChildren(await rendered(content));
      state = "there";
    } catch {
      state = "failed"; // the text is there
    }
    show(button, state === "there");
    turn(isRaw);
  }
  show(button, false);
  return {
    node: h("div", {}, plain, pretty),
    button,
    text: () => plain.textContent,
    update(turn, content) {
      if (turn.tokens && turn.ended) logprobs(plain, turn.tokens);
      else text(plain, content);
      if (turn.tokens && !isRaw && state === "none") isRaw = true;
      show(plain, isRaw || state !== "there");
      if (turn.ended && state === "none" && content.trim() && content.length <= MOST_CHARACTERS) render(content);
    },
  };
}

/** The functions that the model calls, and a field for what each gives. */
function callsView(turn, actions) {
  const list = h("div", { class: "stack" });
  const button = h("button", { type: "submit", class: "primary" }, "Send the results");
  const form = h("form", { class: "calls stack", onsubmit: send }, list, button);
  let fields = null;
  function send(event) {
    event.preventDefault();
    actions.results(turn, fields.map((field) => field.value));
  }
  return {
    node: form,
    update(turn, calls) {
      show(form, calls.length > 0);
      if (!calls.length) return;
      if (!fields) {
        fields = calls.map(() => h("textarea", { rows: 2, required: true, spellcheck: "false" }));
        list.replaceChildren(...calls.map((call, place) => callView(call, fields[place])));
      }
      const isLast = actions.isLast(turn);
      show(button, isLast);
      for (const field of fields) show(field.parentElement, isLast);
    },
  };
}

function callView({ function: { name, arguments: given } }, field) {
  const label = h("label", {}, `Its result, as text or JSON`, field);
  return h("div", { class: "call" }, h("p", {}, "Calls ", h("code", {}, name)), h("pre", { tabindex: 0 }, indented(given)), label);
}

function indented(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function inWords({ figures, first, finish, ended }) {
  if (!figures) return first !== undefined && !ended ? `first token after ${duration(first)}` : "";
  const parts = [count(figures.made, "token")];
  if (figures.speed) parts.push(`${whole(figures.speed)} tokens/s`);
  parts.push(`first token after ${duration(figures.first)}`, `${whole(figures.cached)} of ${whole(figures.prompt)} tokens of the prompt cached`);
  if (figures.attempt > 1) parts.push(`attempt ${figures.attempt}`);
  if (finish === "length") parts.push("cut at the limit");
  return parts.join(" · ");
}

/** Say that an answer is there, to whoever does not see it. */
export function announce(turn) {
  text(at("said"), turn.status === "succeeded" ? "The answer is complete." : `The answer has ended: ${WORDS[turn.status] ?? turn.status}.`);
  if (turn.code === "job_not_found") notify("The server has forgotten this answer's job.", "bad");
}
