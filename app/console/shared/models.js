// A model's state and queue, as several pages show them.

import { h, show, text } from "./dom.js";
import { count, percent, whole } from "./words.js";

const TONES = { loaded: "good", loading: "busy", downloading: "busy", draining: "busy", failed: "bad" };

/** A word for a state, with a colour that means the same on all pages. */
export function badge() {
  const node = h("span", { class: "badge" });
  return {
    node,
    set(word, tone = TONES[word] ?? "") {
      text(node, word);
      if (node.dataset.tone !== tone) node.dataset.tone = tone;
    },
  };
}

/** A bar of how much of something is in use. Its words stand beside it. */
export function meter(label) {
  const bar = h("progress", { "aria-label": label });
  const words = h("span", { class: "figures" });
  return {
    node: h("span", { class: "meter" }, bar, words),
    set(used, all, told = `${whole(used)} of ${whole(all)}`) {
      bar.max = Math.max(all, 1);
      bar.value = Math.min(used, bar.max);
      text(words, told);
    },
  };
}

/** How far a model's first worker is, or how many it has. */
export function crew(model) {
  const parts = [];
  if (model.workers) parts.push(count(model.workers, "worker"));
  if (model.starting) {
    parts.push(`${count(model.starting, "worker")} starting${model.progress === null ? "" : ` (${percent(model.progress)})`}`);
  }
  return parts.join(", ");
}

/** How many jobs wait, by priority. */
export function waiting() {
  const total = h("strong");
  const parts = h("span", { class: "faint" });
  return {
    node: h("span", { class: "waiting" }, total, parts),
    set(queue) {
      text(total, whole(queue.depth));
      const named = Object.entries(queue.queued).filter(([, number]) => number);
      text(parts, named.map(([priority, number]) => `${whole(number)} ${priority}`).join(" · "));
      show(parts, queue.depth > 0);
    },
  };
}
