// Tokens with how likely each was, and what else was likely.

import { h } from "../shared/dom.js";

const shown = new WeakMap();

/** Put tokens into an element, once. Each tells its alternatives when it is pointed at. */
export function logprobs(node, tokens) {
  if (shown.get(node) === tokens) return;
  shown.set(node, tokens);
  node.replaceChildren(...tokens.map(token));
}

function token([text, logprob, others]) {
  const told = [`${likely(logprob)} ${quoted(text)}`, ...others.filter(([other]) => other !== text).map(([other, one]) => `${likely(one)} ${quoted(other)}`)];
  return h("span", { class: "token", title: told.join("\n"), "data-level": level(logprob) }, text);
}

const likely = (logprob) => (logprob === null ? "" : `${(100 * Math.exp(logprob)).toFixed(1)} %`);

/** 0 is nearly certain, 3 a surprise. */
const level = (logprob) => [0.9, 0.5, 0.1].filter((part) => Math.exp(logprob ?? 0) < part).length;

const quoted = (text) => JSON.stringify(text);
