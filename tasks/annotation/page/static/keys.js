// Which key means what. Nothing here changes anything: a key in, an action out.

const LETTERS = {
  t: "tie",
  b: "both_bad",
  s: "skip",
  u: "undo",
  n: "note",
  c: "clear",
  v: "slight",
  e: "expand",
};
const NAMED = {
  "?": "help",
  ArrowLeft: "left",
  ArrowRight: "right",
  Backspace: "back",
  Escape: "back",
};

function digit(event) {
  if (/^[1-9]$/.test(event.key)) return { name: "pick", position: Number(event.key), isClear: false };
  // Shift and a digit gives another sign; on a French keyboard a digit alone does.
  const place = /^Digit([1-9])$/.exec(event.code);
  if (!place) return null;
  return { name: "pick", position: Number(place[1]), isClear: event.shiftKey };
}

function letter(event) {
  const isLatin = /^[a-z]$/i.test(event.key);
  const key = isLatin ? event.key.toLowerCase() : (/^Key([A-Z])$/.exec(event.code)?.[1] ?? "").toLowerCase();
  return Object.hasOwn(LETTERS, key) ? { name: LETTERS[key] } : null;
}

/** The action that a keydown event asks for, or null. */
export function actionOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return null;
  if (Object.hasOwn(NAMED, event.key)) return { name: NAMED[event.key] };
  return digit(event) ?? letter(event);
}

/** Whether a key that is pressed there belongs to what has the focus. */
export function isTaken(event) {
  if (document.querySelector("dialog[open]")) return true;
  if (event.target.closest("textarea, input, select, .menu")) return true;
  const isArrow = event.key.startsWith("Arrow");
  return isArrow && event.target.closest("pre, .wide") !== null; // a wide text is scrolled with arrows
}
