// What the desk says, to who looks and to who listens.

import { inWords } from "./choice.js";
import { showPlainly } from "./empty.js";
import { announce, tell, tellShortly } from "./status.js";

const HAS_KEYS = window.matchMedia("(hover: hover)").matches;

function newScreen(item) {
  if (item === null) return document.getElementById("empty-title").textContent;
  return `New comparison, ${item.responses.length} answers.`;
}

export function sayNew(item) {
  announce(newScreen(item));
}

/** Ask for the best or the worst of three or more answers; two need no question. */
export function askFor({ numAnswers, best }) {
  if (numAnswers === 2) return;
  if (best === null) {
    tell("Which answer is the best?", "ask");
    return;
  }
  const wayBack = HAS_KEYS ? `Esc takes ${best} back` : `tap ${best} to take it back`;
  tell(`Now the worst answer · ${wayBack}`, "ask");
  announce(`Answer ${best} is the best. Now the worst answer.`);
}

export function tellSaved(label, numAnswers, next) {
  const words = inWords(label, label.worst === null ? numAnswers : Math.max(numAnswers, 3));
  tellShortly(`Saved: ${words}`, "saved");
  announce(`Saved: ${words}. ${newScreen(next)}`);
}

/** Say that a label waits for another try in `left` seconds, or is tried now where that is null. */
export function tellUnsaved(left, isFirst, hasItem) {
  const when = left === null ? "trying again…" : `retrying in ${left} s`;
  if (hasItem) tell(`Not saved yet – ${when}`, "unsaved");
  else showPlainly("Your last label is not saved yet", `The server does not answer; ${when}`, { canRetry: true });
  if (isFirst) announce("Not saved yet. The page keeps trying.");
}

export function tellSilence(left) {
  const text = left === null ? "Trying again…" : `Trying again in ${left} s. Nothing is lost.`;
  showPlainly("The server does not answer", text, { canRetry: true });
}

export function tellUndone(item) {
  if (!item?.before) return;
  const words = inWords(item.before, item.responses.length);
  tell(`Taken back. You had said: ${words}`);
  announce(`Taken back. You had said: ${words}. ${newScreen(item)}`);
}

export function tellTrouble(sentence) {
  tell(sentence, "trouble");
  announce(sentence);
}
