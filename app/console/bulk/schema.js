// A JSON schema by a small form: a line for each field of the answer.

import { h, show } from "../shared/dom.js";

const TYPES = {
  string: { name: "text", schema: () => ({ type: "string" }) },
  integer: { name: "whole number", schema: () => ({ type: "integer" }) },
  number: { name: "number", schema: () => ({ type: "number" }) },
  boolean: { name: "yes or no", schema: () => ({ type: "boolean" }) },
  list: { name: "list of texts", schema: () => ({ type: "array", items: { type: "string" } }) },
  choice: { name: "one of", schema: (words) => ({ enum: words }) },
};

/** Why a field makes no sense. */
export class SchemaFault extends Error {}

/** The form in an element. `schema()` is the JSON schema, or null if there is no field; throws SchemaFault. */
export function schemaForm(node, changed) {
  const fields = [];
  const list = h("div", { class: "stack" });
  const add = h("button", { type: "button", onclick: () => append().focus() }, "Add a field");
  node.append(list, add);
  function append() {
    const field = fieldView(() => {
      fields.splice(fields.indexOf(field), 1);
      changed();
    });
    fields.push(field);
    list.append(field.node);
    changed();
    return field;
  }
  return { schema: () => (fields.length ? made(fields.map((field) => field.value())) : null) };
}

function fieldView(removed) {
  const name = h("input", { placeholder: "label", "aria-label": "Name of the field", spellcheck: "false", maxlength: 64 });
  const type = h("select", { "aria-label": "Type of the field" }, Object.entries(TYPES).map(([value, { name: word }]) => h("option", { value }, word)));
  const words = h("input", { placeholder: "positive, negative", "aria-label": "The values, separated by commas" });
  const remove = h("button", { type: "button", class: "quiet", "aria-label": "Remove the field" }, "Remove");
  const node = h("div", { class: "schema-field" }, name, type, words, remove);
  show(words, false);
  type.addEventListener("change", () => show(words, type.value === "choice"));
  remove.addEventListener("click", () => {
    node.remove();
    removed();
  });
  const value = () => ({ name: name.value.trim(), type: type.value, words: words.value.split(",").map((word) => word.trim()).filter(Boolean) });
  return { node, value, focus: () => name.focus() };
}

function made(fields) {
  const names = fields.map(({ name }) => name);
  if (names.includes("")) throw new SchemaFault("Each field of the answer needs a name.");
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw new SchemaFault(`Two fields of the answer are named '${twice}'.`);
  const empty = fields.find(({ type, words }) => type === "choice" && !words.length);
  if (empty) throw new SchemaFault(`Say which values '${empty.name}' may have, separated by commas.`);
  const properties = Object.fromEntries(fields.map(({ name, type, words }) => [name, TYPES[type].schema(words)]));
  return { type: "object", properties, required: names, additionalProperties: false };
}
