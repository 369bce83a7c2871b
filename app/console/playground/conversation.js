// What was said, kept in this tab: a reload goes on with it. Turns are the user's, the assistant's and tools'.

import { sampling } from "./parameters.js";
import { split } from "./answer.js";

const KEPT = "caravan.playground";
const EMPTY = { mode: "chat", model: "", system: "", settings: {}, draft: "", turns: [] };

/** What this tab had, or an empty conversation. */
export function restore() {
  try {
    return { ...structuredClone(EMPTY), ...JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") };
  } catch {
    return structuredClone(EMPTY);
  }
}

/** Keep all of it; returns whether there was room. Log probabilities are left out first: they are the largest. */
export function keep(conversation) {
  const light = { ...conversation, turns: conversation.turns.map((turn) => ({ ...turn, tokens: undefined })) };
  return [conversation, light].some((one) => {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify(one));
      return true;
    } catch {
      return false;
    }
  });
}

/** The body of the job that answers what was said last; throws Fault. `draft` is what is being written. */
export function request({ mode, model, system, settings, turns }, draft = "") {
  const isChat = mode === "chat";
  const asked = draft ? [...turns, { role: "user", content: draft }] : turns.slice(0, turns.findLastIndex(isAsked) + 1);
  const given = sampling(settings, isChat);
  if (!isChat) return { model, prompt: asked.findLast(({ role }) => role === "user")?.content ?? "", ...given };
  const first = system.trim() ? [{ role: "system", content: system }] : [];
  return { model, messages: [...first, ...asked.map(message).filter(Boolean)], ...given };
}

const isAsked = ({ role }) => role !== "assistant";

/** A turn as the server takes it; null if nothing was said in it. */
function message(turn) {
  if (turn.role === "tool") return { role: "tool", tool_call_id: turn.call, content: turn.content };
  if (turn.role === "user") return { role: "user", content: turn.content };
  const { content, reasoning, calls } = said(turn);
  if (!content && !calls.length) return null;
  const made = { role: "assistant", content: content || null };
  if (reasoning) made.reasoning_content = reasoning;
  if (calls.length) made.tool_calls = calls;
  return made;
}

/** What an assistant's turn says: as the server took it apart, or of the text so far. */
export function said(turn) {
  if (turn.message) {
    const { content, reasoning_content: reasoning, tool_calls: calls } = turn.message;
    return { content: content ?? "", reasoning: reasoning ?? "", calls: calls ?? [] };
  }
  return { ...split(turn.text ?? ""), calls: [] };
}

/** Whether a turn's job has not ended. */
export const isOpen = (turn) => turn?.role === "assistant" && !turn.ended;

/** The calls of the last answer that have no results yet. */
export function openCalls({ turns }) {
  const last = turns.at(-1);
  return last?.role === "assistant" && last.ended ? said(last).calls : [];
}
