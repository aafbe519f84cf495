// The admin page: settling conflicts, closing and reopening the queue.

import { Refused, Unreachable } from "./api.js";
import { callsOf } from "./calls.js";
import { letSettle } from "./conflict.js";

const calls = callsOf(document.body.dataset.queue);
const openOrClose = document.getElementById("open-or-close");

openOrClose.addEventListener("click", async () => {
  openOrClose.disabled = true;
  try {
    await calls[openOrClose.dataset.call]();
    window.location.reload();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    document.getElementById("open-or-close-status").textContent = error.message;
    openOrClose.disabled = false;
  }
});

for (const card of document.querySelectorAll(".conflict")) letSettle(card, calls.adjudicate);
