// What every page has: its sign out.

import { address, call } from "./api.js";
import { act, at } from "./dom.js";

at("sign-out")?.addEventListener("click", async ({ currentTarget }) => {
  if (!(await act(currentTarget, () => call("DELETE", "/session")))) return;
  sessionStorage.clear(); // what pages keep in this tab is of whoever leaves
  location.assign(address("/console/login"));
});
