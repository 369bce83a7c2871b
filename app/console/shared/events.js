// Streams of server-sent events (HTML standard, section 9.2), read by fetch: so a stream can be the answer of a POST,
// carries on after its last event, and tells why it was refused.

import { ApiError, query, send } from "./api.js";

const LONGEST_WAIT = 5000;

/** The events of a response, one after another: `{id, event, data}`. Comments are passed over. */
export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * A job's events to the last, whatever breaks meanwhile: each connection begins after the last event that was seen.
 *
 * `onConnection(error)` is told of each loss, and of null when the stream is there again. Throws ApiError where it is
 * of no use to try again. What comes has `data` as it is in its JSON.
 */
export async function* follow(path, { after = "", signal, onConnection = () => {} } = {}) {
  for (let wait = 250; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      const response = await send("GET", query(path, { after }), { signal, headers: { Accept: "text/event-stream" } });
      onConnection(null);
      if (response.status === 204) return;
      for await (const event of readEvents(response)) {
        after = event.id || after;
        wait = 250;
        yield { ...event, data: JSON.parse(event.data) };
        if (event.event === "done") return;
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
      onConnection(error);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (signal?.aborted) return;
  }
}

function parse(block) {
  const event = { id: "", event: "message", data: [] };
  for (const line of block.split(/\r?\n/)) {
    const at = line.indexOf(":");
    if (at === 0) continue;
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (name === "data") event.data.push(value);
    else if (name === "id" || name === "event") event[name] = value;
  }
  return event.data.length ? { ...event, data: event.data.join("\n") } : null;
}
