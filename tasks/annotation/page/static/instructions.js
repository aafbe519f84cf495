// What people are asked. A short question stays; a long text can be folded away, and stays so.

import { forGood } from "./browser_store.js";
import { showProse } from "./prose.js";

const SHORT = 200; // characters
const box = document.getElementById("instructions");
const text = document.getElementById("instructions-text");
const key = `prefline.instructions.${document.body.dataset.queue}`;
let shown = null;

export function showInstructions(html) {
  if (html === shown) return;
  shown = html;
  showProse(text, html);
  const length = text.textContent.trim().length;
  const isShort = length <= SHORT && text.children.length <= 1;
  box.hidden = length === 0;
  box.classList.toggle("is-short", isShort);
  box.open = isShort || forGood.read(key) !== "folded";
}

box.addEventListener("toggle", () => {
  if (!box.classList.contains("is-short")) forGood.write(key, box.open ? "open" : "folded");
});
