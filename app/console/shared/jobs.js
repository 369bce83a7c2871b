// A job's status and times, as several pages show them.

import { address } from "./api.js";

const TONES = { queued: "", running: "busy", succeeded: "good", failed: "bad", cancelled: "", expired: "bad" };

export const tone = (status) => TONES[status] ?? "";

export const hasEnded = ({ status }) => status !== "queued" && status !== "running";

/** The page of a job. */
export const pageOf = (id) => address(`/console/jobs/${encodeURIComponent(id)}`);

/** An id as one can tell it from others at a glance. */
export const short = (id) => id.slice(0, 8);
