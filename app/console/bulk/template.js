// Templates of prompts (pure): texts with `{{ column }}`, or `{{ row["my column"] }}`, as `caravan bulk run` has them.

import { asText } from "./table.js";

const PIECE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const NAME = /^[A-Za-z_]\w*$/;
const OF_ROW = /^row\[("(?:[^"\\]|\\.)*")\]$/;

/** Why a template makes no sense, or a row none with it. */
export class TemplateFault extends Error {}

/** The template as a function of a row; throws TemplateFault, also where it names a column that is not there. */
export function compile(template, columns) {
  const begins = template.split("{{").length - 1;
  const pieces = [...template.matchAll(PIECE)];
  if (begins !== pieces.length || template.includes("{%")) {
    throw new TemplateFault("Here a template has {{ column }} and text. For more of Jinja, use caravan bulk run.");
  }
  const names = new Map(pieces.map(([whole, inside]) => [whole, column(inside, columns)]));
  return (row, number) => template.replace(PIECE, (whole) => value(row, names.get(whole), number));
}

/** How a template names a column. */
export const naming = (name) => (NAME.test(name) ? `{{ ${name} }}` : `{{ row[${JSON.stringify(name)}] }}`);

function column(inside, columns) {
  const ofRow = inside.match(OF_ROW);
  const name = ofRow ? JSON.parse(ofRow[1]) : inside;
  if (!columns.includes(name)) throw new TemplateFault(`There is no column '${name}'. There are ${columns.map((one) => `'${one}'`).join(", ")}.`);
  return name;
}

function value(row, name, number) {
  if (!Object.hasOwn(row, name)) throw new TemplateFault(`Row ${number} has no '${name}'.`);
  return asText(row[name]);
}
