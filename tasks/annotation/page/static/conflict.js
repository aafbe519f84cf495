// One conflict: a choice settles it, and another choice settles it otherwise.

import { Refused, Unreachable } from "./api.js";
import { letKeysScroll, showProse } from "./prose.js";

const left = document.getElementById("num-conflicts");

function tell(card, sentence, kind = "") {
  const status = card.querySelector(".conflict-status");
  status.textContent = sentence;
  status.dataset.kind = kind;
}

function words(choice, worst) {
  const said = choice.replace("_", " ");
  return worst === null ? said : `${said} best, ${worst} worst`;
}

function press(card, choice, worst) {
  for (const button of card.querySelectorAll("[data-choice]")) {
    const said = button.dataset.choice;
    button.setAttribute("aria-pressed", String(said === choice || said === worst));
  }
}

async function settle(card, adjudicate, choice, worst) {
  press(card, choice, worst);
  tell(card, "Saving…");
  const note = card.querySelector(".conflict-note").value.trim();
  try {
    await adjudicate({ item_id: card.dataset.item, choice, worst, note });
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    press(card, null, null);
    tell(card, `Not saved: ${error.message}`, "trouble");
    return;
  }
  tell(card, `Settled: ${words(choice, worst)}`, "saved");
  if (!card.classList.contains("is-settled")) left.textContent = Number(left.textContent) - 1;
  card.classList.add("is-settled");
}

/** Let the buttons of `card` settle its conflict. Of three or more answers the second one is the worst. */
export function letSettle(card, adjudicate) {
  const numAnswers = Number(card.querySelector(".conflict-answers").dataset.count);
  let best = null;
  for (const text of card.querySelectorAll(".prose")) {
    showProse(text, text.innerHTML);
    if (text.scrollHeight > text.clientHeight) text.tabIndex = 0;
  }
  letKeysScroll(card);
  card.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-choice]")?.dataset.choice;
    if (!choice) return;
    const isSide = choice.length === 1;
    if (numAnswers === 2 || !isSide) {
      best = null;
      settle(card, adjudicate, choice, null);
    } else if (best === null) {
      best = choice;
      press(card, best, null);
      tell(card, `${best} is the best. Which one is the worst?`);
    } else if (choice === best) {
      best = null;
      press(card, null, null);
      tell(card, "");
    } else {
      settle(card, adjudicate, best, choice);
      best = null;
    }
  });
}
