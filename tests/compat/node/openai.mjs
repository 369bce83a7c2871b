// The official JavaScript client, unmodified: a chat, a stream and a call. Prints what it saw as JSON.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const ask = (content) => ({ model: "demo", temperature: 0, messages: [{ role: "user", content }] });

const chat = await client.chat.completions.create(ask("What is the capital of France?"));

let streamed = "";
let usage = null;
const options = { stream: true, stream_options: { include_usage: true } };
for await (const chunk of await client.chat.completions.create({ ...ask("Count to 9."), ...options })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
const runner = client.chat.completions.stream({ ...ask("What is the weather in Paris?"), tools });
const message = await runner.finalMessage();

let refused = null;
try {
  await client.chat.completions.create({ ...ask("Hello"), model: "none" });
} catch (error) {
  refused = [error.constructor.name, error.status, error.code];
}

console.log(
  JSON.stringify({
    chat: chat.choices[0].message.content,
    streamed,
    completion_tokens: usage.completion_tokens,
    call: message.tool_calls[0].function,
    refused,
  }),
);
