// What is asked about each row (pure): bodies of requests, and the lines of a batch's input.

import { compile, TemplateFault } from "./template.js";

export const CHAT = "/v1/chat/completions";
export const COMPLETION = "/v1/completions";
const PIECE = 500; // rows that are made to text at once

/**
 * How a row is asked, by what the form says; throws TemplateFault.
 *
 * `setting` is `{model, prompt, system, isRaw, temperature, maxTokens, schema}`.
 */
export function asking(setting, columns) {
  if (!setting.prompt.trim()) throw new TemplateFault("Write a prompt, with columns as {{ column }}.");
  const prompt = compile(setting.prompt, columns);
  const system = setting.system.trim() && !setting.isRaw ? compile(setting.system, columns) : null;
  const given = options(setting);
  return (row, number) => {
    if (setting.isRaw) return { model: setting.model, prompt: prompt(row, number), ...given };
    const first = system ? [{ role: "system", content: system(row, number) }] : [];
    return { model: setting.model, messages: [...first, { role: "user", content: prompt(row, number) }], ...given };
  };
}

function options({ temperature, maxTokens, isRaw, schema }) {
  const found = { temperature: bounded(temperature || "0", "The temperature", 0, 2) };
  if (maxTokens) found.max_tokens = bounded(maxTokens, "The most tokens", 1, 1048576, true);
  else if (isRaw) found.max_tokens = -1; // 16 is the default of completions
  if (schema) found.response_format = { type: "json_schema", json_schema: { name: "answer", schema } };
  return found;
}

function bounded(text, what, least, most, isWhole = false) {
  const value = Number(text);
  if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value))) {
    throw new TemplateFault(`${what} is a ${isWhole ? "whole " : ""}number from ${least} to ${most}.`);
  }
  return value;
}

/** The lines of a batch over all rows, as parts of a Blob; throws TemplateFault. Row 3 is `row-3` there. */
export function lines(rows, ask, endpoint) {
  const parts = [];
  for (let begin = 0; begin < rows.length; begin += PIECE) {
    const some = rows.slice(begin, begin + PIECE).map((row, place) => line(begin + place + 1, row, ask, endpoint));
    parts.push(some.join(""));
  }
  return parts;
}

function line(number, row, ask, url) {
  return `${JSON.stringify({ custom_id: `row-${number}`, method: "POST", url, body: ask(row, number) })}\n`;
}
