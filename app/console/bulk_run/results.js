// What came of a run's rows: lines of its two files, and the table of the rows with their answers.

import { get, send } from "../shared/api.js";
import { asText, readTable, writeCsv } from "../bulk/table.js";

const SHOWN_BYTES = 1 << 18;
const MOST_BYTES = 64 << 20;

const rowOf = (name) => (name.startsWith("row-") ? name.slice(4) : name);

/** Of one line: its row's number or name, and its answer or error. */
export function resultOf({ custom_id: name, response, error }) {
  const row = rowOf(name);
  const failure = error ?? (response?.status_code >= 400 ? response.body.error : null);
  if (failure) return { row, code: failure.code ?? "", message: failure.message ?? "" };
  const choice = response.body.choices?.[0];
  const answer = choice ? (choice.message ? choice.message.content : choice.text) : response.body;
  return { row, answer: asText(answer), finish: choice?.finish_reason ?? "" };
}

/** The first results of a file, up to `most`. */
export const first = async (fileId, most) => (await beginningOf(fileId)).slice(0, most).map(resultOf);

/** What was asked about the first rows, by their numbers or names. */
export async function prompts(fileId) {
  const asked = (await beginningOf(fileId)).map(({ custom_id: name, body }) => [rowOf(name), asText(body?.prompt ?? body?.messages?.at(-1)?.content ?? body?.input ?? "")]);
  return new Map(asked);
}

/** The lines with which a file begins. */
async function beginningOf(fileId) {
  const headers = { Range: `bytes=0-${SHOWN_BYTES - 1}` };
  const text = await (await send("GET", content(fileId), { headers })).text();
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** The address of a file's bytes. */
export const content = (fileId) => `/v1/files/${encodeURIComponent(fileId)}/content`;

/**
 * All rows with what came of them, as a text of a kind: `csv` or `jsonl`. Throws Error with what to do instead.
 *
 * The rows of the file that was uploaded have the columns of the answers behind their own.
 */
export async function table(run, kind) {
  const results = [...(await all(run.output_file_id)), ...(await all(run.error_file_id))];
  const source = run.metadata?.source_file_id ? await rowsOf(run) : null;
  const byRow = new Map(results.map((result) => [result.row, result]));
  const isJson = run.metadata?.answers === "json";
  const rows = source
    ? source.rows.map((row, place) => ({ ...row, ...columns(byRow.get(String(place + 1)), isJson, source.columns) }))
    : results.map((result) => ({ custom_id: result.row, ...columns(result, isJson, []) }));
  if (kind === "jsonl") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  return writeCsv([...new Set(rows.flatMap(Object.keys))], rows);
}

/** What a result adds to its row, under names that the row does not have. */
function columns(result, isJson, taken) {
  const made = result === undefined ? { error: "not asked yet" } : result.code === undefined ? answers(result, isJson) : { error_code: result.code, error: result.message };
  return Object.fromEntries(Object.entries(made).map(([name, value]) => [free(name, taken), value]));
}

function answers({ answer, finish }, isJson) {
  const plain = { answer, finish_reason: finish };
  if (!isJson) return plain;
  try {
    return JSON.parse(answer);
  } catch {
    return { ...plain, error: "The answer is no whole JSON." };
  }
}

const free = (name, taken) => (taken.includes(name) ? free(`${name}_2`, taken) : name);

async function all(fileId) {
  if (!fileId) return [];
  const { bytes } = await get(`/v1/files/${encodeURIComponent(fileId)}`);
  if (bytes > MOST_BYTES) throw new Error("The results are too large for this page. Download the answers as they came.");
  const text = await (await send("GET", content(fileId))).text();
  return text.split("\n").filter(Boolean).map((line) => resultOf(JSON.parse(line)));
}

async function rowsOf({ metadata }) {
  const response = await send("GET", content(metadata.source_file_id));
  return readTable(metadata.name, await response.arrayBuffer());
}
