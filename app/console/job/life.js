// A job's life, told by its record and the events of its stream (pure).

const WHY = {
  drained: "its worker stopped",
  outranked: "more urgent jobs took its slot",
  crashed: "its worker crashed",
  killed: "its worker was killed",
  lease_expired: "its worker was silent for too long",
  worker_restarted: "its worker started again",
  failed: "the server failed, and tries again",
};

const ENDS = { succeeded: "Done", failed: "Failed", cancelled: "Cancelled", expired: "Expired" };

/** The moments of a job, in order: `{what, at, tone, note}`. `statuses` are the data of its status events. */
export function moments(job, statuses) {
  const found = [{ what: "Accepted", at: statuses[0]?.at ?? job.created_at, tone: "" }];
  let begun = 0;
  for (const { status, at, worker, reason } of statuses) {
    if (status === "running") {
      begun += 1;
      found.push({ what: begun > 1 ? "Resumed" : "Begun", at, tone: "busy", note: worker ? `by ${worker}` : "" });
    } else if (begun || reason) {
      found.push({ what: "Given back", at, tone: "bad", note: WHY[reason] ?? reason ?? "" });
    }
  }
  if (job.first_token_at) found.push({ what: "First token", at: job.first_token_at, tone: "busy" });
  if (ENDS[job.status]) {
    // Its record has whole seconds: it is not told to have ended before what it did.
    const last = Math.max(...found.map(({ at }) => at));
    const timed = job.timings && job.attempt === 1 ? job.first_token_at + job.timings.decode_seconds : 0;
    const at = Math.max(last, timed || job.finished_at);
    const note = job.error?.message ?? "";
    found.push({ what: ENDS[job.status], at, tone: { succeeded: "good", failed: "bad", expired: "bad" }[job.status] ?? "", note });
  }
  return found.map((moment, place) => ({ ...moment, place })).sort((a, b) => a.at - b.at || a.place - b.place);
}
