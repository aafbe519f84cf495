// Texts of people and models. The server has made them safe; here they are laid out.

import { splitIntoParts } from "./plain_parts.js";

const LONG = 30_000; // characters; some fifteen screens

export function isLong(html) {
  return html.length > LONG;
}

function isCode(block) {
  return block.tagName === "PRE" && !block.classList.contains("plain");
}

/** Put `html` into `element`: its own direction for each block, wide tables in a box that scrolls. */
export function showProse(element, html) {
  element.innerHTML = html;
  element.classList.toggle("is-long", isLong(html));
  element.dir = "auto";
  for (const plain of element.querySelectorAll("pre.plain")) {
    if (isLong(plain.textContent)) splitIntoParts(plain);
  }
  // What is inside a block has no direction of its own: a list would not see that its items are Arabic.
  for (const block of element.children) {
    if (!isCode(block)) block.dir = "auto";
  }
  for (const table of element.querySelectorAll("table")) {
    const box = document.createElement("div");
    box.className = "wide";
    table.replaceWith(box);
    box.append(table);
  }
  for (const link of element.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
}

/** Let code and tables that scroll be reached without a mouse; call it when they are on the screen. */
export function letKeysScroll(root) {
  for (const box of root.querySelectorAll(".prose:not(.is-long) :is(pre, .wide)")) {
    const doesScroll = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (doesScroll) box.tabIndex = 0;
  }
  for (const box of root.querySelectorAll(".prose.is-long :is(pre:not(.plain), .wide)")) {
    box.tabIndex = 0; // to look would mean to lay all of it out
  }
}
