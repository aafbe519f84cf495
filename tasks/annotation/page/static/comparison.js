// A comparison on the screen: all of its parts together.

import { markAnswers, showAnswers } from "./answers.js";
import { markChoices, showChoices } from "./choice_bar.js";
import { showConversation } from "./conversation.js";
import { hideEmpty } from "./empty.js";
import { showInstructions } from "./instructions.js";
import { letKeysScroll } from "./prose.js";
import { setNote, setStrength } from "./remarks.js";

const area = document.getElementById("comparison");

/** Show the item of a screen, with what was said of it before or written so far. */
export function showComparison({ item, instructions_html }, draft) {
  hideEmpty();
  document.body.dataset.answers = item.responses.length === 2 ? "two" : "more";
  showInstructions(instructions_html);
  showConversation(item.messages);
  showAnswers(item.responses);
  letKeysScroll(area);
  showChoices(item.responses.length);
  const remarks = item.before ?? draft;
  setStrength(remarks?.strength ?? null);
  setNote(remarks?.note ?? "");
  if (item.before) mark(item.before.choice, item.before.worst, { isBefore: true });
  else mark(null, null);
  appear();
}

/** Show what is said: a position, tie, both_bad, skip or null, and the worst position or null. */
export function mark(choice, worst, { isBefore = false } = {}) {
  const best = typeof choice === "number" ? choice : null;
  markAnswers({ best, worst }, { isBefore });
  markChoices(choice, worst, { isBefore });
}

function appear() {
  area.classList.remove("is-new");
  window.scrollTo(0, 0);
  document.getElementById("main").focus({ preventScroll: true });
  requestAnimationFrame(() => area.classList.add("is-new"));
}
