// Beginning a run: the file and the lines are uploaded, then the batch is made.

import { call, post } from "../shared/api.js";

const LONGEST_NAME = 200;

/** Make the batch, and return it. What was uploaded is removed again if it cannot be made. Throws ApiError. */
export async function start({ file, parts, endpoint, isJson, completionWindow = "24h" }) {
  const made = [];
  try {
    made.push(await upload(file, file.name, "user_data"));
    made.push(await upload(new Blob(parts), "requests.jsonl", "batch"));
    const metadata = { name: file.name.slice(0, LONGEST_NAME), source_file_id: made[0].id, answers: isJson ? "json" : "text" };
    const body = { input_file_id: made[1].id, endpoint, completion_window: completionWindow, metadata };
    return await post("/v1/batches", body);
  } catch (error) {
    const isRefused = error.status >= 400 && error.status < 500; // otherwise the batch may have been made
    if (isRefused) await Promise.allSettled(made.map(({ id }) => call("DELETE", `/v1/files/${id}`)));
    throw error;
  }
}

function upload(blob, name, purpose) {
  const form = new FormData();
  form.append("purpose", purpose);
  form.append("file", blob, name);
  return post("/v1/files", form);
}
