// What every page has: its sign out.

import { address, call } from "./api.js";
import { act, at } from "./dom.js";

at("sign-out")?.addEventListener("click", async ({ currentTarget }) => {
  if (await act(currentTarget, () => call("DELETE", "/session"))) location.assign(address("/console/login"));
});
