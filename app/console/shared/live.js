// What is asked again and again while somebody looks.

import { at, show, text } from "./dom.js";

/**
 * Do a task now and every few seconds after its end, but not while the page is hidden. Returns a function that does it
 * at once. While it fails, the page says so, and what it shows stays.
 */
export function live(seconds, task) {
  let timer = null;
  let running = false;
  async function round() {
    clearTimeout(timer);
    if (running) return;
    running = true;
    try {
      await task();
      connection(null);
    } catch (error) {
      if (error.status === undefined) throw error;
      connection(error);
    } finally {
      running = false;
      if (!document.hidden) timer = setTimeout(round, 1000 * seconds);
    }
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) round();
  });
  round();
  return round;
}

/** Say at the page's head that the server cannot be reached, or, with null, that it can. */
export function connection(error) {
  text(at("connection"), error ? `${error.message} Trying again…` : "");
  show(at("connection"), Boolean(error));
}
