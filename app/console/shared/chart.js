// A small history: one line over the last minutes, drawn by hand.

import { h, s, text } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 90;

const LEAST_SECONDS = 60;

/** A chart in a figure. `set(points)` takes `[time, value]`, the oldest first, and `seconds` is how far back it goes. */
export function chart(figure, { title, seconds, show }) {
  const now = h("strong");
  const most = h("span", { class: "faint" });
  const area = s("path", { class: "area" });
  const line = s("path", { class: "line" });
  const drawing = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", class: "chart" }, area, line);
  figure.append(h("figcaption", {}, h("span", {}, title), now, most), drawing);
  return {
    set(points) {
      const end = points.length ? points[points.length - 1][0] : 0;
      const shown = points.filter(([time]) => time >= end - seconds);
      const top = Math.max(1, ...shown.map(([, value]) => value));
      const span = shown.length ? Math.max(LEAST_SECONDS, end - shown[0][0]) : seconds;
      const x = (time) => WIDTH * (1 - (end - time) / span);
      const y = (value) => HEIGHT - 2 - (HEIGHT - 6) * (value / top);
      const places = shown.map(([time, value]) => `${x(time).toFixed(1)} ${y(value).toFixed(1)}`);
      line.setAttribute("d", places.length ? `M${places.join("L")}` : "");
      const first = shown.length ? x(shown[0][0]).toFixed(1) : 0;
      area.setAttribute("d", places.length ? `M${first} ${HEIGHT}L${places.join("L")}L${WIDTH} ${HEIGHT}Z` : "");
      const value = shown.length ? shown[shown.length - 1][1] : 0;
      text(now, show(value));
      text(most, `most ${show(Math.max(0, ...shown.map(([, each]) => each)))} in ${Math.ceil(span / 60)} min`);
      drawing.setAttribute("aria-label", `${title}: ${show(value)} now`);
    },
  };
}
