// One line that says what just happened, to who looks and to who listens.

const SHORT_MS = 2500;
const line = document.getElementById("status");
const text = document.getElementById("status-text");
const retry = document.getElementById("retry-now");
const announcer = document.getElementById("announcer");
let standing = ["", ""];
let clearing = 0;

function show(sentence, kind) {
  clearTimeout(clearing);
  text.textContent = sentence;
  line.dataset.kind = kind;
  retry.hidden = kind !== "unsaved";
}

/** Show `sentence` until another one comes. `kind` is unsaved, trouble, ask, wait or said. */
export function tell(sentence, kind = "said") {
  standing = [sentence, sentence ? kind : ""];
  show(...standing);
}

/** Show `sentence` for a moment; then what stood there before is back. */
export function tellShortly(sentence, kind) {
  show(sentence, kind);
  clearing = setTimeout(() => show(...standing), SHORT_MS);
}

/** Say `sentence` to a screen reader. */
export function announce(sentence) {
  // The same sentence twice in a row is not read out unless the text changes.
  announcer.textContent = announcer.textContent === sentence ? `${sentence}\u00a0` : sentence;
}

/** Say whether what is on the screen is about to change. */
export function setBusy(isBusy) {
  document.getElementById("main").setAttribute("aria-busy", String(isBusy));
}
