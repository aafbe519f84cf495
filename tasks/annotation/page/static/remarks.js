// What goes with a choice: how much better, and a note.

const panel = document.getElementById("note-panel");
const field = document.getElementById("note");
const noteButton = document.getElementById("note-button");
const strengths = document.querySelectorAll(".strength-button");

export function strength() {
  const pressed = document.querySelector('.strength-button[aria-pressed="true"]');
  return pressed ? pressed.dataset.action : null;
}

export function setStrength(value) {
  for (const element of strengths) {
    element.setAttribute("aria-pressed", String(element.dataset.action === value));
  }
}

/** Say it, or take it back if it is said already. */
export function toggleStrength(value) {
  setStrength(strength() === value ? null : value);
}

export function note() {
  return field.value.trim();
}

export function setNote(text) {
  field.value = text;
  closeNote();
}

export function openNote() {
  panel.hidden = false;
  noteButton.setAttribute("aria-expanded", "true");
  field.focus({ preventScroll: true });
}

export function closeNote() {
  const hadFocus = panel.contains(document.activeElement);
  panel.hidden = true;
  noteButton.setAttribute("aria-expanded", "false");
  noteButton.classList.toggle("has-note", note() !== "");
  if (hadFocus) document.getElementById("main").focus({ preventScroll: true });
}

export function toggleNote() {
  if (panel.hidden) openNote();
  else closeNote();
}

field.addEventListener("keydown", (event) => {
  const isDone = event.key === "Escape" || (event.key === "Enter" && !event.shiftKey);
  if (!isDone || event.isComposing) return;
  event.preventDefault();
  closeNote();
});
