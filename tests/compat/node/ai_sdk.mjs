// The AI SDK with four of its providers, unmodified; prints for each what it saw, as JSON.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embed, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { createOllama } from "ollama-ai-provider-v2";
import { z } from "zod";

const url = process.argv[2];
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const compatible = createOpenAICompatible({
  name: "caravan",
  baseURL: `${url}/v1`,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: "none" });
const ollama = createOllama({ baseURL: `${url}/api` });

const city = z.object({ city: z.string() });
const weather = tool({ description: "The weather.", inputSchema: city, execute: async () => "sunny" });
const capital = z.object({ capital: z.string().max(20) });

async function scenario(model, missing) {
  const settings = { model, temperature: 0, maxOutputTokens: 100, maxRetries: 0 };
  const first = { role: "user", content: "What is the capital of France?" };
  const chat = await generateText({ ...settings, messages: [first] });
  const messages = [first, ...chat.response.messages, { role: "user", content: "What is 12 + 7?" }];
  const second = await generateText({ ...settings, messages, include: { requestBody: true } });

  const stream = streamText({ ...settings, prompt: "Count to 9." });
  let pieces = "";
  for await (const piece of stream.textStream) pieces += piece;

  const tools = { get_weather: weather };
  const prompt = "What is the weather in Paris?";
  const agent = await generateText({ ...settings, prompt, tools, stopWhen: stepCountIs(3) });
  const streamed = streamText({ ...settings, prompt, tools, stopWhen: stepCountIs(3) });
  await streamed.consumeStream();

  const output = Output.object({ schema: capital });
  const object = await generateText({ ...settings, prompt: first.content, output });
  const refused = await generateText({ ...settings, model: missing, prompt: "Hello" }).catch((error) => error);
  return {
    chat: chat.text,
    second: second.text,
    refersToItems: JSON.stringify(second.request.body).includes("item_reference"),
    finish: chat.finishReason,
    input: chat.usage.inputTokens,
    streamed: pieces,
    output: (await stream.usage).outputTokens,
    call: agent.steps[0].toolCalls.map((call) => [call.toolName, call.input]),
    answer: agent.text,
    streamedAnswer: await streamed.text,
    object: object.output,
    refused: APICallError.isInstance(refused) ? [refused.statusCode, refused.message] : String(refused),
  };
}

const vector = async (model) => (await embed({ model, value: "a llama", maxRetries: 0 })).embedding.length;

console.log(
  JSON.stringify({
    responses: await scenario(openai("demo"), openai("none")),
    chat: await scenario(openai.chat("demo"), openai.chat("none")),
    compatible: await scenario(compatible("demo"), compatible("none")),
    anthropic: await scenario(anthropic("demo"), anthropic("none")),
    ollama: await scenario(ollama("demo"), ollama("none")),
    vectors: [
      await vector(openai.embedding("vectors")),
      await vector(compatible.embeddingModel("vectors")),
      await vector(ollama.embedding("vectors")),
    ],
  }),
);
