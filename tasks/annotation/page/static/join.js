// Signing in with a personal link. The token stands behind the # and so never reaches a server's log.

import { ask, Refused, Unreachable } from "./api.js";

const title = document.getElementById("join-title");
const text = document.getElementById("join-text");
const again = document.getElementById("join-again");
const token = window.location.hash.slice(1).replace(/^token=/, "");

function say(heading, sentence, { canRetry = false } = {}) {
  title.textContent = heading;
  text.textContent = sentence;
  again.hidden = !canRetry;
}

async function join() {
  if (token === "") {
    say("This link is not complete", "It ends before the part that says who you are. Open the whole link "
      + "that you were given, or ask for a new one.");
    return;
  }
  say("Signing in", "One moment.");
  try {
    await ask("POST", "/api/session", { token });
    window.location.replace("/");
  } catch (error) {
    if (error instanceof Unreachable) say("Not signed in yet", error.message, { canRetry: true });
    else if (error instanceof Refused) say("This link does not work", error.message);
    else throw error;
  }
}

// Nobody who looks over the history or a shared screen shall find the token.
window.history.replaceState(null, "", window.location.pathname);
again.addEventListener("click", join);
join();
