// The menu: signing out.

import { ask, Refused, Unreachable } from "./api.js";

const button = document.getElementById("sign-out");

button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    await ask("DELETE", "/api/session");
    window.location.assign("/");
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    button.textContent = `Not signed out: ${error.message}`;
    button.disabled = false;
  }
});
