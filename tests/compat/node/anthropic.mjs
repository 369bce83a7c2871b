// What Anthropic's package sees of a cluster whose address is the argument, as JSON.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const asked = (content) => ({ model: "demo", max_tokens: 64, temperature: 0, messages: [{ role: "user", content }] });
const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ name: "get_weather", description: "The weather in a city.", input_schema: city }];

const whole = await client.messages.create(asked("What is the capital of France?"));
const stream = client.messages.stream(asked("Count to 9."));
let streamed = "";
stream.on("text", (text) => (streamed += text));
const last = await stream.finalMessage();
const called = await client.messages.create({ ...asked("What is the weather in Paris?"), tools });
const counted = await client.messages.countTokens({ model: "demo", messages: asked("Count to 9.").messages });
const refused = await client.messages
  .create({ ...asked("Hello"), temperature: 9 })
  .catch((error) => [error.constructor.name, error.status, error.error.error.type]);

console.log(
  JSON.stringify({
    chat: whole.content[0].text,
    streamed,
    stop: last.stop_reason,
    output: last.usage.output_tokens,
    call: called.content.find((block) => block.type === "tool_use"),
    counted: counted.input_tokens,
    refused,
  }),
);
