// A new run over a file, and the list of runs.

import { get, query } from "../shared/api.js";
import { act, at, h, keyed, show, text } from "../shared/dom.js";
import { live } from "../shared/live.js";
import { quoted } from "../shared/shell.js";
import { bytes, count } from "../shared/words.js";
import { CHAT, COMPLETION, asking, lines } from "./lines.js";
import { ROWS, ask, previewRow, refusal } from "./preview.js";
import { pageOf, runRow } from "./runs.js";
import { schemaForm } from "./schema.js";
import { start } from "./start.js";
import { MOST_BYTES, readTable } from "./table.js";
import { naming } from "./template.js";

const MOST_RUNS = 100;

const showRuns = keyed(at("runs"), runRow);
const showPreview = keyed(at("preview"), previewRow);
const form = schemaForm(at("schema"), () => changed());
let file = null;
let table = null;
let preview = [];
let hasNone = false;

live(2, async () => {
  const { data } = await get(query("/v1/batches", { limit: MOST_RUNS }));
  showRuns(data, ({ id }) => id);
  show(at("list"), data.length > 0);
  show(at("none"), !data.length);
});
models();

async function models() {
  try {
    const { data } = await get("/models");
    const names = data.filter(({ kind }) => kind === "generative").map(({ id }) => id);
    at("model").replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    hasNone = !names.length;
    if (isLarge()) tellCommand();
    showForm();
  } catch (error) {
    if (error.status >= 400 && error.status < 500) return fault(error);
    setTimeout(models, 2000);
  }
}

/** The form is there for rows and models that are known. */
function showForm() {
  const isReady = Boolean(table) && at("model").options.length > 0;
  show(at("rest"), isReady);
  if (isReady) changed();
  else if (hasNone) fault({ message: "There is no model that generates text and that your key may use." });
}

at("file").addEventListener("change", choose);
if (at("file").files.length) choose(); // before this script was there

async function choose() {
  file = at("file").files[0] ?? null;
  table = null;
  show(at("large"), isLarge());
  text(at("found"), "");
  fault(null);
  if (isLarge()) tellCommand();
  else if (file) await read();
  showForm();
}

function isLarge() {
  return Boolean(file) && file.size > MOST_BYTES;
}

async function read() {
  try {
    table = readTable(file.name, await file.arrayBuffer());
    text(at("found"), `${count(table.rows.length, "row")}, ${count(table.columns.length, "column")}`);
    at("columns").replaceChildren(...table.columns.map(columnButton));
  } catch (error) {
    text(at("found"), error.message);
  }
}

function columnButton(column) {
  return h("button", { type: "button", onclick: () => insert(naming(column)) }, column);
}

function insert(piece) {
  at("prompt").setRangeText(piece, at("prompt").selectionStart, at("prompt").selectionEnd, "end");
  at("prompt").focus();
  changed();
}

function tellCommand() {
  const name = quoted(file.name);
  const model = at("model").value ? quoted(at("model").value) : "MODEL";
  text(at("found"), `${file.name} has ${bytes(file.size)}.`);
  text(at("command"), `caravan bulk run ${name} -m ${model} --prompt 'Classify: {{ text }}' -o answers.csv`);
}

/** How a row is asked; null, and a word on what is at fault, if that makes no sense. */
function settings() {
  const isRaw = at("raw").checked;
  const schema = form.schema();
  const given = { model: at("model").value, prompt: at("prompt").value, system: at("system").value, isRaw, schema };
  const made = asking({ ...given, temperature: at("temperature").value, maxTokens: at("tokens").value }, table.columns);
  return { ask: made, endpoint: isRaw ? COMPLETION : CHAT, isJson: Boolean(schema) };
}

/** Show how the first rows would be asked. Earlier answers were to other questions. */
function changed() {
  show(at("system-label"), !at("raw").checked);
  fault(null);
  try {
    const { ask: made } = settings();
    preview = table.rows.slice(0, ROWS).map((row, place) => rowOf(place + 1, made(row, place + 1)));
  } catch (error) {
    preview = [];
    if (at("prompt").value.trim()) fault(error);
  }
  draw();
}

const rowOf = (number, body) => ({ number, body, prompt: body.prompt ?? body.messages.at(-1).content });

function draw() {
  showPreview(preview, ({ number }) => number);
  show(at("preview-list"), preview.length > 0);
  show(at("no-preview"), !preview.length);
}

function fault(error) {
  text(at("fault"), error?.message ?? "");
  show(at("fault"), Boolean(error));
}

at("try").addEventListener("click", ({ currentTarget }) => {
  changed();
  const asked = preview;
  if (!asked.length) return complain();
  for (const row of asked) row.answer = "…";
  draw();
  act(currentTarget, () =>
    ask(asked.map(({ body }) => body), (place, answer, isBad) => {
      Object.assign(asked[place], { answer, isBad });
      draw();
    }),
  );
});

/** Say what keeps the form from being sent. */
function complain() {
  try {
    settings();
  } catch (error) {
    fault(error);
  }
}

at("start").addEventListener("click", ({ currentTarget }) => {
  fault(null);
  act(currentTarget, begin);
});
at("new").addEventListener("submit", (event) => event.preventDefault()); // Enter in a field begins no run

async function begin() {
  try {
    const { ask: made, endpoint, isJson } = settings();
    const parts = lines(table.rows, made, endpoint);
    const refused = await refusal(made(table.rows[0], 1));
    if (refused) throw new Error(`The server refuses such a request. ${refused}`);
    location.assign(pageOf(await start({ file, parts, endpoint, isJson })));
  } catch (error) {
    fault(error.status === 0 ? { message: `${error.message} If the run was made, it is in the list below.` } : error);
  }
}

at("new").addEventListener("input", ({ target }) => {
  if (target !== at("file")) changed();
});
