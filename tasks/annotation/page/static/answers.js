// The answers side by side, and the marks that show what was said about them.

import { isLong, showProse } from "./prose.js";

const MANY = 4; // two rows of answers: each scrolls in itself, so that all stay in view
const area = document.getElementById("answers");

function button(text, className, label) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = className;
  element.textContent = text;
  element.setAttribute("aria-label", label);
  return element;
}

function jump(position, count) {
  const to = (position % count) + 1;
  const text = to > position ? `${to} ↓` : `${to} ↑`;
  const element = button(text, "button is-plain answer-other", `Go to answer ${to}`);
  element.addEventListener("click", () => {
    document.getElementById(`answer-${to}`).scrollIntoView({ block: "start" });
  });
  return element;
}

function top(position, count) {
  const element = document.createElement("header");
  element.className = "answer-top";
  const title = document.createElement("h2");
  title.className = "answer-title";
  title.textContent = `Answer ${position}`;
  title.id = `answer-title-${position}`;
  const said = document.createElement("span");
  said.className = "answer-said";
  said.hidden = true;
  const tools = document.createElement("div");
  tools.className = "answer-tools";
  const choose = button("Choose", "button is-plain answer-choose", `Choose answer ${position}`);
  choose.dataset.action = "pick";
  choose.dataset.position = position;
  tools.append(jump(position, count), choose);
  element.append(title, said, tools);
  return element;
}

function nothingToSee() {
  const element = document.createElement("p");
  element.className = "empty";
  element.textContent = "(only white space)";
  return element;
}

function answer({ position, html }, count, hasPanes) {
  const element = document.createElement("article");
  element.className = "answer";
  element.id = `answer-${position}`;
  element.dataset.position = position;
  element.setAttribute("aria-labelledby", `answer-title-${position}`);
  const text = document.createElement("div");
  text.className = "answer-text prose";
  if (hasPanes) text.tabIndex = 0;
  showProse(text, html);
  if (text.textContent.trim() === "") text.append(nothingToSee());
  element.append(top(position, count), text);
  return element;
}

export function showAnswers(responses) {
  const count = responses.length;
  const areLong = responses.some(({ html }) => isLong(html));
  area.dataset.count = count;
  area.classList.toggle("is-panes", areLong);
  area.classList.toggle("is-many", count >= MANY && !areLong);
  area.replaceChildren(...responses.map((one) => answer(one, count, areLong || count >= MANY)));
}

function markOne(element, { best, worst, isBefore, isPair }) {
  const position = Number(element.dataset.position);
  const isBest = position === best;
  const isWorst = position === worst;
  element.classList.toggle("is-best", isBest && !isBefore);
  element.classList.toggle("is-worst", isWorst && !isBefore);
  const said = element.querySelector(".answer-said");
  const word = isPair ? "better" : isBest ? "best" : "worst";
  said.textContent = isBefore ? `you had said: ${word}` : word;
  said.hidden = !(isBest || isWorst);
  const isAskedForWorst = !isPair && best !== null && !isBefore;
  const choose = element.querySelector(".answer-choose");
  const what = !isAskedForWorst ? "Choose" : isBest ? "Take back" : "Worst";
  choose.textContent = what;
  choose.dataset.action = what === "Take back" ? "back" : "pick";
  choose.setAttribute("aria-label", `${what}: answer ${position}`);
}

/** Mark the best and the worst answer, as positions or null; `isBefore` says that an undo took it back. */
export function markAnswers({ best, worst }, { isBefore = false } = {}) {
  const isPair = area.children.length === 2;
  const isSettled = (isPair ? best : worst) !== null;
  area.classList.toggle("is-dimmed", isSettled && !isBefore);
  for (const element of area.children) markOne(element, { best, worst, isBefore, isPair });
}

/** Move the focus from answer to answer by `step`; the focused one is chosen with Enter. */
export function focusAnswer(step) {
  const all = [...area.querySelectorAll(".answer-choose")];
  const here = all.findIndex((element) => element.closest(".answer").contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
  all[next].focus();
  all[next].closest(".answer").scrollIntoView({ block: "nearest" });
}
