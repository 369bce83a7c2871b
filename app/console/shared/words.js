// Figures in words.

const WHOLE = new Intl.NumberFormat("en");
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const whole = (value) => WHOLE.format(Math.round(value));

/** Seconds as one reads them: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min, 4 d 3 h. */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const round = Math.round(seconds);
  if (round < 60) return `${round} s`;
  if (round < 3600) return two(round, 60, "min", "s", 1);
  if (round < 86400) return two(Math.round(round / 60), 60, "h", "min", 1);
  return two(Math.round(round / 3600), 24, "d", "h", 1);
}

/** How long ago a Unix time was. */
export const ago = (time, now = Date.now() / 1000) => `${duration(Math.max(0, now - time))} ago`;

/** A Unix time as a moment here. */
export const moment = (time) => MOMENT.format(new Date(1000 * time));

/** Bytes as 512 MiB. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; value >= 1024 && at < units.length - 1; at += 1) value /= 1024;
  return `${at && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}

/** The beginning of a text that may be very long. */
export const beginning = (text, most = 2000) => (text.length > most ? `${text.slice(0, most)}…` : text);

/** So many of something: 1 worker, 2 workers. */
export const count = (number, thing) => `${whole(number)} ${thing}${number === 1 ? "" : "s"}`;

export const percent = (part) => `${Math.round(100 * part)} %`;

function two(value, base, large, small, least) {
  const rest = value % base;
  return rest >= least ? `${Math.floor(value / base)} ${large} ${rest} ${small}` : `${Math.floor(value / base)} ${large}`;
}
