// Calls of the API, as any client makes them: the browser adds the session's cookie, and nothing is kept here.

/** The server's first address: a proxy may have put a prefix before all paths. */
export const root = new URL(document.documentElement.dataset.root, location.href);

/** The address of a path that begins with a slash. */
export const address = (path) => new URL(path.slice(1), root);

/** A call that failed. `status` is 0 if nothing answered; `code` is what programs act on. */
export class ApiError extends Error {
  constructor(status, { message, code = "", param = null } = {}) {
    super(message ?? `The server answered with ${status}.`);
    Object.assign(this, { status, code, param });
  }
}

/** Send a request; the response, whose status is a success. Throws ApiError. A lost session leads to the login. */
export async function send(method, path, { body, headers = {}, signal } = {}) {
  const isJson = body !== undefined && !(body instanceof FormData); // a form's type has the border of its parts
  const given = body === undefined ? {} : { body: isJson ? JSON.stringify(body) : body };
  const kind = isJson ? { "Content-Type": "application/json" } : {};
  let response;
  try {
    const accepts = { Accept: "application/json", ...kind, ...headers };
    response = await fetch(address(path), { method, headers: accepts, signal, cache: "no-store", ...given });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { message: "The server does not answer." });
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  if (response.status === 401 && !headers.Authorization) toLogin();
  throw new ApiError(response.status, typeof told.error === "object" ? told.error : { message: told.error });
}

/** The answer of a call, as it is in its JSON. Throws ApiError. */
export const call = async (method, path, options) => (await send(method, path, options)).json();

export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { body, ...options });

/** A path with a query of what is neither empty nor missing. */
export function query(path, values) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

/** Go to the login, which leads back here. */
export function toLogin() {
  const here = location.href.slice(root.href.length);
  location.assign(query(address("/console/login").href, { next: here }));
}
