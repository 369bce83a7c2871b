// Ollama's JavaScript client, unmodified: a chat, a stream, a call and a list. Prints what it saw as JSON.
import { Ollama } from "ollama";

const client = new Ollama({ host: process.argv[2] });
const ask = (content) => ({ model: "demo", options: { temperature: 0 }, messages: [{ role: "user", content }] });

const chat = await client.chat(ask("What is the capital of France?"));

let streamed = "";
let last = null;
for await (const piece of await client.chat({ ...ask("Count to 9."), stream: true })) {
  streamed += piece.message.content;
  last = piece;
}

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", description: "The weather.", parameters } }];
const called = await client.chat({ ...ask("What is the weather in Paris?"), tools });

const generated = await client.generate({ model: "demo", prompt: "What is 12 + 7?", options: { temperature: 0 } });

let refused = null;
try {
  await client.chat({ ...ask("Hello"), model: "none" });
} catch (error) {
  refused = [error.status_code, error.message];
}

console.log(
  JSON.stringify({
    chat: chat.message.content,
    streamed,
    done: [last.done, last.done_reason],
    call: called.message.tool_calls[0].function,
    generated: generated.response,
    models: (await client.list()).models.map((model) => model.name),
    refused,
  }),
);
