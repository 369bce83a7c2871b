// What an answer can be asked with, beside the prompt. What is left empty is the server's or the model's default.

/** Numbers by their field's name. `normal` is llama.cpp's default. */
export const NUMBERS = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.05, normal: "0.8", hint: "0 is greedy" },
  { name: "max_tokens", label: "Most tokens", min: 1, max: 1048576, step: 1, normal: "no limit", hint: "of the answer" },
  { name: "top_p", label: "Top p", min: 0.01, max: 1, step: 0.01, normal: "0.95", hint: "1 is off" },
  { name: "top_k", label: "Top k", min: 0, max: 1000000, step: 1, normal: "40", hint: "0 is off" },
  { name: "min_p", label: "Min p", min: 0, max: 1, step: 0.01, normal: "0.05", hint: "0 is off" },
  { name: "repeat_penalty", label: "Repeat penalty", min: 0.01, max: 10, step: 0.01, normal: "1", hint: "1 is off" },
  { name: "presence_penalty", label: "Presence penalty", min: -2, max: 2, step: 0.1, normal: "0", hint: "0 is off" },
  { name: "frequency_penalty", label: "Frequency penalty", min: -2, max: 2, step: 0.1, normal: "0", hint: "0 is off" },
  { name: "seed", label: "Seed", min: 0, max: 9007199254740991, step: 1, normal: "random", hint: "repeats the draws" },
  { name: "timeout", label: "Timeout", min: 0.1, max: 604800, step: 0.1, normal: "none", hint: "seconds in all" },
];

const MOST_STOPS = 16;
const LONGEST_STOP = 256;
const ALTERNATIVES = 5;

/** What cannot be sent, and in which field. */
export class Fault extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/** The fields of a request for what stands in the form; throws Fault. */
export function sampling(settings, isChat) {
  const found = {};
  for (const field of NUMBERS) {
    const value = number(field, settings[field.name] ?? "");
    if (value !== null) found[field.name] = value;
  }
  const stop = stops(settings.stop ?? "");
  if (stop.length) found.stop = stop;
  if (settings.schema?.trim()) found.response_format = format(settings.schema);
  if (settings.logprobs) Object.assign(found, isChat ? { logprobs: true, top_logprobs: ALTERNATIVES } : { logprobs: ALTERNATIVES });
  if (isChat && settings.tools?.trim()) found.tools = tools(settings.tools);
  return found;
}

function number({ name, label, min, max, step }, text) {
  if (String(text).trim() === "") return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value < min || value > max) throw new Fault(name, `${label} is a number from ${min} to ${max}.`);
  if (step === 1 && !Number.isInteger(value)) throw new Fault(name, `${label} is a whole number.`);
  return value;
}

/** One text a line; an `\n` in it is a line end. */
function stops(text) {
  const found = text.split("\n").filter((line) => line !== "").map((line) => line.replaceAll("\\n", "\n"));
  if (found.length > MOST_STOPS || found.some((stop) => stop.length > LONGEST_STOP)) {
    throw new Fault("stop", `There are up to ${MOST_STOPS} stop texts of up to ${LONGEST_STOP} characters, one on each line.`);
  }
  return found;
}

function format(text) {
  const schema = parse("schema", text, "The JSON schema");
  if (!isObject(schema)) throw new Fault("schema", "A JSON schema is an object, as {\"type\": \"object\", \"properties\": {…}}.");
  return { type: "json_schema", json_schema: { name: "answer", schema } };
}

function tools(text) {
  const found = parse("tools", text, "The list of tools");
  const isTool = (tool) => isObject(tool) && tool.type === "function" && typeof tool.function?.name === "string";
  if (!Array.isArray(found) || !found.length || !found.every(isTool)) {
    throw new Fault("tools", "Tools are a list of {\"type\": \"function\", \"function\": {\"name\": …, \"parameters\": {…}}}.");
  }
  return found;
}

function parse(field, text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Fault(field, `${what} is no JSON: ${error.message}.`);
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
