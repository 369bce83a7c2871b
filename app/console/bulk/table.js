// Rows of a file in the browser (pure): JSON lines, and CSV as RFC 4180 has it.

/** Bytes. What is larger is for `caravan bulk run`, which keeps no rows in memory. */
export const MOST_BYTES = 8 << 20;

const DELIMITERS = [",", ";", "\t"];

/** Why a file cannot be read, and in which line. */
export class TableFault extends Error {}

/** The columns and the rows of a file's bytes: `{columns, rows}`, where a row is an object; throws TableFault. */
export function readTable(name, buffer) {
  const text = decode(buffer);
  const kind = name.toLowerCase().match(/\.(\w+)$/)?.[1] ?? "";
  const read = { jsonl: jsonLines, ndjson: jsonLines, csv: commas, tsv: tabs }[kind];
  if (!read) throw new TableFault("The file's name has to end in .jsonl, .csv or .tsv. For Parquet, use caravan bulk run.");
  const table = read(text);
  if (!table.rows.length) throw new TableFault("The file has no rows.");
  return table;
}

/** A table as CSV with commas; values that are no texts are JSON, and what is missing is empty. */
export function writeCsv(columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

/** A value as text: null is empty, and what is no text is JSON. */
export const asText = (value) => (value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

function cell(value) {
  const text = asText(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function decode(buffer) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(buffer);
  } catch {
    throw new TableFault("The file is not UTF-8. Save it as UTF-8.");
  }
}

function jsonLines(text) {
  const columns = new Set();
  const rows = [];
  text.split("\n").forEach((line, place) => {
    if (!line.trim()) return;
    rows.push(object(line, place + 1));
    for (const column of Object.keys(rows.at(-1))) columns.add(column);
  });
  return { columns: [...columns], rows };
}

function object(line, number) {
  let value = null;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new TableFault(`Line ${number} is no JSON: ${error.message}.`);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new TableFault(`Line ${number} is no JSON object.`);
  return value;
}

const tabs = (text) => separated(text, "\t");

/** The delimiter is the one by which the header has the most fields. */
function commas(text) {
  const fields = (delimiter) => records(text, delimiter).next().value?.fields.length ?? 0;
  return separated(text, DELIMITERS.toSorted((one, other) => fields(other) - fields(one))[0]);
}

function separated(text, delimiter) {
  const lines = records(text, delimiter);
  const columns = lines.next().value?.fields ?? [];
  const twice = columns.find((column, place) => columns.indexOf(column) !== place);
  if (twice !== undefined) throw new TableFault(`Two columns are named '${twice}'.`);
  const rows = [];
  for (const { fields, line } of lines) {
    if (fields.length !== columns.length) throw new TableFault(`Line ${line} has ${fields.length} fields, and the header ${columns.length}.`);
    rows.push(Object.fromEntries(columns.map((column, place) => [column, fields[place]])));
  }
  return { columns, rows };
}

/** The records one after another, each with the line that it begins in. Blank lines are passed over. */
function* records(text, delimiter) {
  const special = delimiter === "\t" ? /["\t\r\n]/g : new RegExp(`["${delimiter}\\r\\n]`, "g");
  let fields = [];
  let line = 1;
  let began = 1;
  let at = 0;
  while (at < text.length) {
    const isQuoted = text[at] === '"';
    const [value, end] = isQuoted ? quoted(text, at, began) : bare(text, at, special);
    line += isQuoted ? value.split("\n").length - 1 : 0;
    fields.push(value);
    at = end;
    if (text[at] === delimiter) {
      at += 1;
      if (at < text.length && text[at] !== "\r" && text[at] !== "\n") continue;
      fields.push(""); // the last field of a line is empty
    }
    if (at < text.length && text[at] !== "\r" && text[at] !== "\n") throw new TableFault(`Line ${line} has more behind a closing quote.`);
    if (fields.length > 1 || fields[0] !== "" || isQuoted) yield { fields, line: began };
    fields = [];
    at += text.startsWith("\r\n", at) ? 2 : 1;
    line += 1;
    began = line;
  }
}

function bare(text, at, special) {
  special.lastIndex = at;
  for (let found = special.exec(text); found; found = special.exec(text)) {
    if (found[0] !== '"') return [text.slice(at, found.index), found.index];
  }
  return [text.slice(at), text.length];
}

function quoted(text, at, line) {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 2)) {
    if (text[end + 1] !== '"') return [text.slice(at + 1, end).replaceAll('""', '"'), end + 1];
  }
  throw new TableFault(`The quote that opens in line ${line} is never closed.`);
}
