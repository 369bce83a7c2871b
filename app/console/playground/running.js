// An answer's job: submitted once, followed to its end, whatever breaks meanwhile.

import { ApiError, get, post } from "../shared/api.js";
import { follow } from "../shared/events.js";
import { connection } from "../shared/live.js";
import { taken } from "./answer.js";

const WAIT = 2000;
const LOOK = 1000;

/** A new turn of the assistant's, whose job is yet to be submitted. A second request with its key makes no second job. */
export function begin(body) {
  return { id: random(), role: "assistant", body, text: "", asked: Date.now() };
}

/** A new id. Not `randomUUID`, which pages without TLS do not have. */
export function random() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Run a turn to its end: also one that was found after a reload, which goes on after the last event that it has seen.
 *
 * `changed()` is called whenever the turn is another, and `settled()` when it is to be kept.
 */
export async function run(turn, { changed, settled, signal }) {
  try {
    if (!turn.job) await submit(turn, signal);
    settled();
    look(turn, changed, signal);
    const options = { after: turn.cursor, signal, onConnection: connection };
    for await (const { id, event, data } of follow(path(turn, "/events"), options)) {
      take(turn, event, data);
      turn.cursor = id;
      changed();
      if (event === "token" && turn.first === undefined) {
        turn.first = (Date.now() - turn.asked) / 1000;
        settled();
      }
    }
    if (signal.aborted) return;
    if (!turn.ended) Object.assign(turn, taken(await get(path(turn, ""))));
    connection(null);
  } catch (error) {
    if (error.name === "AbortError") return;
    Object.assign(turn, { ended: true, status: "failed", error: error.message, code: error.code });
  }
  changed();
  settled();
}

/** While it is queued, learn what it waits for, which no event tells. Its turn in the line needs no word. */
async function look(turn, changed, signal) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    if (signal.aborted || turn.ended || turn.status !== "queued") return;
    const found = await get(path(turn, ""), { signal }).catch(() => null);
    const waits = found?.waits_for;
    turn.waits = waits && waits.reason !== "turn" ? waits.message : "";
    changed();
  }
}

/** Ask the server to stop it. What was made stays. */
export const stop = (turn) => post(path(turn, "/cancel"));

const path = (turn, rest) => `/jobs/${encodeURIComponent(turn.job)}${rest}`;

async function submit(turn, signal) {
  for (;;) {
    try {
      const job = await post("/jobs", turn.body, { headers: { "Idempotency-Key": turn.id }, signal });
      connection(null);
      turn.job = job.id;
      turn.status = job.status;
      delete turn.body;
      return;
    } catch (error) {
      const canWait = error instanceof ApiError && (error.status === 0 || error.status >= 502);
      if (!canWait) throw error;
      connection(error);
      await new Promise((resolve) => setTimeout(resolve, WAIT));
      signal.throwIfAborted();
    }
  }
}

function take(turn, event, data) {
  if (event === "status") turn.status = data.status;
  else if (event === "token") turn.text += data.index === 0 ? data.text : "";
  else if (event === "done") Object.assign(turn, taken(data));
}
