// A run, which is a batch: followed by asking, so that a reload changes nothing.

import { address, call, get } from "../shared/api.js";
import { act, at, h, keyed, notify, show, text } from "../shared/dom.js";
import { live } from "../shared/live.js";
import { badge, meter } from "../shared/models.js";
import { beginning, count, duration, moment, whole } from "../shared/words.js";
import { eta, hasEnded, isPaused, nameOf, setProgress, setStatus } from "../bulk/runs.js";
import { content, first, prompts, table } from "./results.js";

const SHOWN_FAILED = 100;
const SHOWN_ANSWERS = 20;
const RETRIED = ["completed", "expired", "cancelled"];

const id = decodeURIComponent(location.pathname.split("/").pop());
const path = `/v1/batches/${encodeURIComponent(id)}`;
const status = badge();
const bar = meter("Answered rows");
const pace = h("p", { class: "faint" });
const showTiles = keyed(at("tiles"), tile);
const showFailed = keyed(at("failed"), (result) => resultRow(result, ["Prompt", "Code", "Reason"]));
const showAnswers = keyed(at("answers"), (result) => resultRow(result, ["Prompt", "Answer"]));
let run = null;
let asked = null;
let seen = "";
let isOver = false;

at("status").append(status.node);
at("progress").append(bar.node, pace);

const refresh = live(1, async () => {
  if (isOver) return;
  try {
    present(await get(path));
    await results();
    isOver = hasEnded(run);
  } catch (error) {
    if (!(error.status >= 400 && error.status < 500) || error.status === 429) throw error;
    fail(error.message);
    isOver = true;
  }
});

function present(found) {
  run = found;
  document.title = `${nameOf(run)} · Caravan`;
  text(at("name"), nameOf(run));
  setStatus(status, run);
  setProgress(bar, run);
  text(pace, paceOf(run));
  showTiles(tiles(run), ({ name }) => name);
  buttons(run);
  show(at("stalled"), Boolean(run.progress.stalled));
  text(at("stalled"), run.progress.stalled?.message ?? "");
  fail(run.errors ? run.errors.data.map(({ line, message }) => (line ? `Line ${line}: ${message}` : message)).join(" ") : "");
}

function fail(message) {
  text(at("fault"), message);
  show(at("fault"), Boolean(message));
}

function paceOf(run) {
  if (hasEnded(run)) return `Ended at ${moment(run.completed_at ?? run.cancelled_at ?? run.expired_at ?? run.failed_at)}`;
  if (isPaused(run)) return "Paused: rows under way run to their ends.";
  const { lines_per_second: rows, tokens_per_second: tokens } = run.progress;
  const parts = rows ? [`${rows < 10 ? rows.toFixed(1) : whole(rows)} rows/s`, `${whole(tokens)} tokens/s`] : ["waits for a free slot"];
  return [...parts, eta(run)].filter(Boolean).join(" · ");
}

function tiles(run) {
  const { request_counts: counts, usage } = run;
  return [
    { name: "Rows", value: whole(counts.total) },
    { name: "Failed", value: whole(counts.failed), tone: counts.failed ? "bad" : "" },
    { name: "Tokens read", value: whole(usage.input_tokens) },
    { name: "Tokens cached", value: whole(usage.input_tokens_details.cached_tokens) },
    { name: "Tokens written", value: whole(usage.output_tokens) },
    { name: "Took", value: taken(run) },
  ];
}

function taken({ in_progress_at: begun, completed_at: done, cancelled_at: cancelled, expired_at: expired }) {
  const end = done ?? cancelled ?? expired ?? Date.now() / 1000;
  return begun ? duration(Math.max(0, end - begun)) : "not begun";
}

function tile({ name }) {
  const value = h("dd");
  const node = h("div", { class: "tile" }, h("dt", {}, name), value);
  return {
    node,
    update(tile) {
      text(value, tile.value);
      node.dataset.tone = tile.tone ?? "";
    },
  };
}

function buttons(run) {
  const isRunning = run.status === "in_progress" || run.status === "validating";
  show(at("pause"), isRunning && !isPaused(run));
  show(at("resume"), isRunning && isPaused(run));
  show(at("cancel"), isRunning);
  show(at("retry"), RETRIED.includes(run.status) && run.request_counts.failed > 0);
  show(at("results"), Boolean(run.output_file_id || run.error_file_id));
  link(at("output"), run.output_file_id);
  link(at("errors"), run.error_file_id);
}

function link(node, fileId) {
  show(node, Boolean(fileId));
  if (fileId) node.href = address(content(fileId)).href;
}

/** The first lines of both files, asked again when there are more of them. */
async function results() {
  const { completed, failed } = run.request_counts;
  const version = `${run.output_file_id} ${run.error_file_id} ${Math.min(completed, SHOWN_ANSWERS)} ${Math.min(failed, SHOWN_FAILED)}`;
  if (seen === version) return;
  const answers = run.output_file_id ? await first(run.output_file_id, SHOWN_ANSWERS) : [];
  const failures = run.error_file_id ? await first(run.error_file_id, SHOWN_FAILED) : [];
  asked ??= await prompts(run.input_file_id).catch(() => new Map()); // its file may have been deleted
  showAnswers(answers.map(withPrompt), ({ row }) => row);
  showFailed(failures.map(withPrompt), ({ row }) => row);
  show(at("answers-section"), answers.length > 0);
  show(at("failed-section"), failures.length > 0);
  seen = version;
}

const withPrompt = (result) => ({ ...result, prompt: asked.get(result.row) ?? "" });

function resultRow({ row }, labels) {
  const cells = labels.map(() => h("div", { class: "cell" }));
  return {
    node: h("tr", {}, h("th", { scope: "row" }, `Row ${row}`), cells.map((cell, place) => h("td", { "data-label": labels[place] }, cell))),
    update({ prompt, answer, code, message }) {
      const values = labels.includes("Answer") ? [prompt, answer] : [prompt, code, message];
      cells.forEach((cell, place) => text(cell, beginning(values[place])));
    },
  };
}

for (const what of ["pause", "resume", "cancel", "retry"]) {
  at(what).addEventListener("click", ({ currentTarget }) => {
    if (what === "cancel" && !confirm("Cancel the run? Finished rows keep their answers.")) return;
    act(currentTarget, async () => {
      present(await call("POST", `${path}/${what}`));
      seen = "";
      isOver = false;
      refresh();
    });
  });
}

for (const kind of ["csv", "jsonl"]) {
  at(kind).addEventListener("click", ({ currentTarget }) => {
    act(currentTarget, async () => {
      const text = await table(run, kind);
      save(new Blob([text], { type: kind === "csv" ? "text/csv" : "application/x-ndjson" }), `${nameOf(run).replace(/\.\w+$/, "")}.answers.${kind}`);
      notify(`${count(run.request_counts.total, "row")} downloaded.`);
    });
  });
}

function save(blob, name) {
  const place = h("a", { href: URL.createObjectURL(blob), download: name });
  place.click();
  setTimeout(() => URL.revokeObjectURL(place.href), 10_000);
}
