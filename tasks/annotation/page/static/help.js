// The help, and whether single keys do anything: who steers by voice or by other keys switches them off.

import { forGood } from "./browser_store.js";

const KEY = "prefline.keys";
const dialog = document.getElementById("help");
const box = document.getElementById("keys-on");

export function openHelp() {
  dialog.showModal();
}

export function keysAreOn() {
  return box.checked;
}

box.checked = forGood.read(KEY) !== "off";
box.addEventListener("change", () => forGood.write(KEY, box.checked ? "on" : "off"));
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // outside: the backdrop belongs to the dialog
});
