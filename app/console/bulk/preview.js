// The first rows, asked as jobs of their own before a run is begun.

import { post } from "../shared/api.js";
import { h, text } from "../shared/dom.js";
import { beginning } from "../shared/words.js";
import { asText } from "./table.js";

export const ROWS = 3;
const WAIT_SECONDS = 10;

/** Rows of a table: the number, the prompt, and a place for the answer. */
export function previewRow({ number }) {
  const prompt = h("div", { class: "cell" });
  const answer = h("div", { class: "cell" });
  const cells = [h("td", { "data-label": "Prompt" }, prompt), h("td", { "data-label": "Answer" }, answer)];
  return {
    node: h("tr", {}, h("th", { scope: "row" }, `Row ${number}`), ...cells),
    update(row) {
      text(prompt, beginning(row.prompt));
      text(answer, beginning(row.answer ?? "–"));
      answer.classList.toggle("bad", Boolean(row.isBad));
    },
  };
}

/** Ask bodies, and tell each answer as it comes: `told(place, text, isBad)`. Throws ApiError. */
export async function ask(bodies, told) {
  const { data } = await post("/jobs", bodies);
  const open = new Map();
  data.forEach(({ id, error }, place) => {
    if (id) open.set(id, place);
    else told(place, error.message, true);
  });
  while (open.size) {
    const found = await post("/jobs/wait", { ids: [...open.keys()], wait: WAIT_SECONDS });
    for (const job of found.data) {
      told(open.get(job.id), answerOf(job), job.status !== "succeeded");
      open.delete(job.id);
    }
    for (const id of found.missing) {
      told(open.get(id), "Its job is not there any more.", true);
      open.delete(id);
    }
  }
}

/** Why the server does not take such a request; an empty text if it does. */
export async function refusal(body) {
  const { data } = await post("/jobs", [body]);
  if (data[0].id) await post("/jobs/delete", { ids: [data[0].id] });
  return data[0].error?.message ?? "";
}

function answerOf({ status, error, result }) {
  const choice = result?.choices[0];
  return choice ? asText(choice.message ? choice.message.content : choice.text) : (error?.message ?? status);
}
