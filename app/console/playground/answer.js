// An answer's text and its figures (pure).

const BEGIN = "<think>";
const END = "</think>";

/**
 * A text that is still being written, as reasoning and content. The server takes a whole answer apart, by what it knows
 * of the model; until then this common form alone is known, also where the template has written its beginning.
 */
export function split(text) {
  const end = text.indexOf(END);
  const begin = text.trimStart().startsWith(BEGIN) ? text.indexOf(BEGIN) + BEGIN.length : 0;
  if (end >= 0) return { reasoning: text.slice(begin, end).trim(), content: text.slice(end + END.length).trimStart() };
  if (begin) return { reasoning: text.slice(begin).trimStart(), content: "" };
  return { reasoning: "", content: BEGIN.startsWith(text.trim()) ? "" : text };
}

/** What an ended job says: the message, the tokens with their log probabilities, and its figures. */
export function taken(job) {
  const choice = job.result?.choices[0];
  return {
    ended: true,
    status: job.status,
    error: job.error ? job.error.message : "",
    finish: choice?.finish_reason ?? "",
    message: choice ? (choice.message ?? { role: "assistant", content: choice.text }) : undefined,
    tokens: tokens(choice?.logprobs),
    figures: job.usage && job.timings ? figures(job) : undefined,
  };
}

function figures({ usage, timings, attempt }) {
  return {
    prompt: usage.prompt_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
    made: usage.completion_tokens,
    speed: timings.tokens_per_second,
    first: timings.queue_seconds + timings.prefill_seconds,
    attempt,
  };
}

/** Tokens as `[text, logprob, [[text, logprob], …]]`, of a chat's or a completion's form. */
function tokens(logprobs) {
  if (!logprobs) return undefined;
  if (logprobs.content) {
    return logprobs.content.map(({ token, logprob, top_logprobs: others }) => [
      token, logprob, others.map((other) => [other.token, other.logprob]),
    ]);
  }
  return logprobs.tokens.map((token, at) => [
    token, logprobs.token_logprobs[at], Object.entries(logprobs.top_logprobs?.[at] ?? {}),
  ]);
}
