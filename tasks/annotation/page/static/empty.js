// What is shown when there is nothing to compare.

const area = document.getElementById("empty");
const TEXTS = {
  finished: ["All done", "There is nothing left for you in this queue. Thank you."],
  waiting: [
    "Nothing for you just now",
    "Others have the last comparisons on their screens. If one of them comes back, it is shown here by itself.",
  ],
  closed: ["This queue is closed", "It takes no more labels. What you have labelled is saved."],
};

export function showEmpty(reason, figures) {
  const [title, text] = TEXTS[reason] ?? TEXTS.closed;
  showPlainly(title, text);
  const hasFigures = reason === "finished" && figures.mine > 0;
  document.getElementById("empty-figures").hidden = !hasFigures;
  if (!hasFigures) return;
  document.getElementById("empty-mine").textContent = figures.mine;
  for (const id of ["per-hour", "each"]) {
    const source = id === "each" ? "median-seconds" : id;
    document.getElementById(`empty-${id}`).textContent = document.getElementById(source).textContent;
  }
}

/** Show a sentence instead of a comparison; with `canRetry` there is a button to try again. */
export function showPlainly(title, text, { canRetry = false } = {}) {
  document.getElementById("comparison").hidden = true;
  document.getElementById("bar").hidden = true;
  document.getElementById("timer-box").hidden = true;
  document.getElementById("empty-figures").hidden = true;
  document.getElementById("empty-title").textContent = title;
  document.getElementById("empty-text").textContent = text;
  area.querySelector('[data-action="retry"]').hidden = !canRetry;
  area.hidden = false;
}

export function hideEmpty() {
  area.hidden = true;
  document.getElementById("comparison").hidden = false;
  document.getElementById("bar").hidden = false;
  document.getElementById("timer-box").hidden = false;
}
