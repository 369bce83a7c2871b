// Runs, which are batches, as both pages show them.

import { address } from "../shared/api.js";
import { h, text } from "../shared/dom.js";
import { badge, meter } from "../shared/models.js";
import { ago, duration, whole } from "../shared/words.js";

const TONES = { completed: "good", in_progress: "busy", finalizing: "busy", validating: "busy", cancelling: "busy", failed: "bad", expired: "bad", paused: "" };
const WORDS = { in_progress: "runs", validating: "is checked", finalizing: "ends" };

export const hasEnded = ({ status }) => ["completed", "failed", "expired", "cancelled"].includes(status);

/** Whether somebody has paused it. */
export const isPaused = (run) => Boolean(run.paused_at) && !hasEnded(run);

export const nameOf = (run) => run.metadata?.name ?? run.id;

export const pageOf = (run) => address(`/console/bulk/${encodeURIComponent(run.id)}`).href;

/** A run's status as a word. */
export function setStatus(status, run) {
  const state = isPaused(run) && run.status === "in_progress" ? "paused" : run.status;
  status.set(WORDS[state] ?? state, TONES[state] ?? "");
}

/** How far a run is. */
export function setProgress(bar, { request_counts: counts, progress }) {
  bar.set(progress.answered, counts.total, counts.total ? `${whole(progress.answered)} of ${whole(counts.total)}` : "not counted yet");
}

/** When a run is likely to be done; an empty text if that is not known. */
export function eta(run) {
  if (hasEnded(run) || isPaused(run) || run.progress.eta_seconds === null) return "";
  return `about ${duration(run.progress.eta_seconds)} left`;
}

/** A row of the list of runs. */
export function runRow(run) {
  const status = badge();
  const bar = meter(`Progress of ${nameOf(run)}`);
  const [left, failed, made] = [h("small"), h("span"), h("span")];
  const cell = (label, ...children) => h("td", { "data-label": label }, ...children);
  return {
    node: h(
      "tr",
      {},
      h("th", { scope: "row" }, h("a", { href: pageOf(run) }, nameOf(run))),
      cell("Status", status.node),
      cell("Rows", h("span", { class: "lines" }, bar.node, left)),
      cell("Failed", failed),
      cell("Begun", made),
    ),
    update(run) {
      setStatus(status, run);
      setProgress(bar, run);
      text(left, eta(run));
      text(failed, whole(run.request_counts.failed));
      text(made, ago(run.created_at));
    },
  };
}
