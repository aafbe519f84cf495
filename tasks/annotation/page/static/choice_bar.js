// The buttons at the bottom that choose.

const bar = document.getElementById("bar");
const group = document.getElementById("choices");

// The bar lies over the end of the page, which leaves as much room below as the bar is high.
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--bar-height", `${bar.offsetHeight}px`);
}).observe(bar);

function choice(action, key, text, position) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "button choice";
  element.dataset.action = action;
  if (position) element.dataset.position = position;
  const cap = document.createElement("kbd");
  cap.textContent = key;
  cap.setAttribute("aria-hidden", "true");
  element.append(cap, document.createTextNode(text));
  return element;
}

function side(position) {
  const element = choice("pick", String(position), `Answer ${position}`, position);
  element.classList.add("is-side");
  return element;
}

function number(position) {
  const element = choice("pick", "", "", position);
  element.classList.add("is-number");
  element.textContent = position;
  element.setAttribute("aria-label", `Answer ${position}`);
  return element;
}

function numbers(numAnswers) {
  const row = document.createElement("div");
  row.className = "bar-numbers";
  for (let position = 1; position <= numAnswers; position += 1) row.append(number(position));
  return row;
}

export function showChoices(numAnswers) {
  const isPair = numAnswers === 2;
  const tie = choice("tie", "T", "Tie");
  const bothBad = choice("both_bad", "B", isPair ? "Both bad" : "All bad");
  if (isPair) group.replaceChildren(side(1), tie, bothBad, side(2));
  else group.replaceChildren(numbers(numAnswers), tie, bothBad);
}

function isOf(element, said) {
  const { action, position } = element.dataset;
  return position ? Number(position) === said : action === said;
}

/** Show what is said now: a position, tie, both_bad or null, and the worst position or null. */
export function markChoices(choice, worst = null, { isBefore = false } = {}) {
  const isHalf = group.querySelector(".bar-numbers") !== null && worst === null;
  for (const element of group.querySelectorAll(".choice")) {
    const isTaken = choice !== null && isOf(element, choice);
    const isWorst = worst !== null && isOf(element, worst);
    const isSaid = isTaken || isWorst;
    element.classList.toggle("is-taken", isSaid && !isBefore);
    element.classList.toggle("is-worst", isWorst && !isBefore);
    element.classList.toggle("was-said", isSaid && isBefore);
    element.setAttribute("aria-pressed", String(isSaid && !isBefore));
    // The best of several answers can be taken back until the worst is named.
    if (element.dataset.position) {
      element.dataset.action = isTaken && isHalf && !isBefore ? "back" : "pick";
    }
  }
}

export function enableChoices(isEnabled) {
  for (const element of document.querySelectorAll('.choice, .answer-choose, [data-action="skip"]')) {
    element.setAttribute("aria-disabled", String(!isEnabled));
  }
}
