// The conversation above the answers. A long one is shown from its last turn, and can be unfolded.

import { showProse } from "./prose.js";

const ROLES = { user: "User", assistant: "Assistant", system: "System", tool: "Tool" };
const MOST_OF_WINDOW = 0.42;
const box = document.getElementById("conversation");
const turns = document.getElementById("turns");
const more = document.getElementById("conversation-more");

function turn({ role, html }) {
  const element = document.createElement("li");
  element.className = "turn";
  element.dataset.role = role;
  const name = document.createElement("p");
  name.className = "turn-role";
  name.textContent = ROLES[role] ?? role;
  const text = document.createElement("div");
  text.className = "prose";
  showProse(text, html);
  element.append(name, text);
  return element;
}

function scrollToLastTurn() {
  const last = turns.lastElementChild;
  turns.scrollTop = last.offsetTop - turns.offsetTop;
}

function fade() {
  turns.classList.toggle("is-scrolled", turns.scrollTop > 4);
}

function setCapped(isCapped) {
  box.classList.toggle("is-capped", isCapped);
  more.textContent = isCapped ? "Show the whole conversation" : "Show less of the conversation";
  more.setAttribute("aria-expanded", String(!isCapped));
  turns.toggleAttribute("tabindex", false);
  if (isCapped) {
    turns.tabIndex = 0; // what scrolls must be reachable without a mouse
    scrollToLastTurn();
  }
  fade();
}

export function showConversation(messages) {
  box.classList.remove("is-capped");
  turns.replaceChildren(...messages.map(turn));
  box.hidden = messages.length === 0;
  const isLong = turns.scrollHeight > window.innerHeight * MOST_OF_WINDOW;
  more.hidden = !isLong;
  setCapped(isLong);
}

/** Show all of a long conversation, or only its end again. */
export function unfoldConversation() {
  if (!more.hidden) setCapped(!box.classList.contains("is-capped"));
}

turns.addEventListener("scroll", fade, { passive: true });
