// Elements. Whatever is put into one is text: nothing that a model or a client wrote is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Properties are attributes, `on...` are listeners; false, null and undefined are left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An element of a drawing. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** What is on the page under an id. */
export const at = (id) => document.getElementById(id);

/** Put a text where it is not yet, so that nothing moves under a reader. */
export function text(node, value) {
  const told = String(value);
  if (node.textContent !== told) node.textContent = told;
  return node;
}

/** Show or hide an element. */
export function show(node, isShown) {
  node.hidden = !isShown;
  return node;
}

/** Say something for a while at the page's foot; a screen reader reads it out. */
export function notify(message, kind = "") {
  const toast = h("p", { class: `toast ${kind}` }, message);
  at("toasts").append(toast);
  setTimeout(() => toast.remove(), kind === "bad" ? 10000 : 4000);
}

/** Do something once while its button waits; what went wrong is said. Returns whether it went well. */
export async function act(button, task) {
  button.disabled = true;
  try {
    await task();
    return true;
  } catch (error) {
    notify(error.message, "bad");
    return false;
  } finally {
    button.disabled = false;
  }
}

/**
 * Keep the children of an element those of some values, each made once by its key: what has the focus keeps it.
 *
 * `make(value)` returns `{node, update(value)}`.
 */
export function keyed(parent, make) {
  const known = new Map();
  return (values, keyOf) => {
    const wanted = new Set(values.map(keyOf));
    for (const [key, one] of known) {
      if (!wanted.has(key)) {
        one.node.remove();
        known.delete(key);
      }
    }
    let place = parent.firstElementChild;
    for (const value of values) {
      const key = keyOf(value);
      if (!known.has(key)) known.set(key, make(value));
      const { node, update } = known.get(key);
      if (node === place) place = place.nextElementSibling;
      else parent.insertBefore(node, place);
      update(value);
    }
  };
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
