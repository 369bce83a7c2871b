// A request as a program would send it (pure). The key in it is a placeholder, whoever has signed in.

import { quoted } from "../shared/shell.js";

const KEY = "cvn-YOUR-KEY";
const OPENAI = new Set([
  "model", "messages", "prompt", "temperature", "max_tokens", "top_p", "presence_penalty", "frequency_penalty", "seed",
  "stop", "tools", "logprobs", "top_logprobs",
]);

export const LANGUAGES = { curl: "curl", python: "Python", openai: "openai (Python)" };

/** The code of a language for a body of a chat or a completion; `root` is the server's address without its last slash. */
export function code(language, body, root) {
  return { curl, python, openai }[language](body, root);
}

const pathOf = (body) => (body.messages ? "chat/completions" : "completions");

function curl(body, root) {
  const json = JSON.stringify({ ...body, stream: true }, null, 2);
  return [
    `curl -N ${quoted(`${root}/v1/${pathOf(body)}`)} \\`,
    `  -H "Authorization: Bearer ${KEY}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d @- <<'JSON'`,
    json,
    "JSON",
    "",
  ].join("\n");
}

/** Caravan's own client, whose stream outlives broken connections. */
function python(body, root) {
  return [
    "from caravan_client import Client",
    "",
    `body = ${literal(body)}`,
    `with Client(${literal(root)}, api_key=${literal(KEY)}) as caravan:`,
    "    for event in caravan.stream(caravan.submit(body)):",
    `        print(event.text, end="", flush=True)`,
    "",
  ].join("\n");
}

function openai(body, root) {
  const isChat = Boolean(body.messages);
  const known = Object.entries(body).filter(([name]) => OPENAI.has(name) || (isChat && name === "response_format"));
  const more = Object.fromEntries(Object.entries(body).filter(([name]) => !known.some(([other]) => other === name)));
  const given = known.map(([name, value]) => `    ${name}=${literal(value, 1)},`);
  if (Object.keys(more).length) given.push(`    extra_body=${literal(more, 1)},`);
  return [
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${literal(`${root}/v1`)}, api_key=${literal(KEY)})`,
    `stream = client.${isChat ? "chat.completions" : "completions"}.create(`,
    ...given,
    "    stream=True,",
    ")",
    "for chunk in stream:",
    "    if chunk.choices:",
    `        print(${isChat ? "chunk.choices[0].delta.content" : "chunk.choices[0].text"} or "", end="", flush=True)`,
    "",
  ].join("\n");
}

/** A value of JSON as Python writes it. */
function literal(value, depth = 0) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const parts = Array.isArray(value)
    ? value.map((item) => literal(item, depth + 1))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${literal(item, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const short = `${open}${parts.join(", ")}${close}`;
  if (short.length + 4 * depth < 80 && !short.includes("\n")) return short;
  const pad = "    ".repeat(depth + 1);
  return `${open}\n${parts.map((part) => `${pad}${part},\n`).join("")}${"    ".repeat(depth)}${close}`;
}
