// A very long plain text in parts of its own, so that only those in sight are laid out.

const PART = 4000; // characters, about a screen and a half
// To the end of the text if it is near, else to the end of a line, of a word, or wherever it must be.
const PIECE = new RegExp(`[^]{1,${PART}}$|[^]{0,${PART - 1}}\\n|[^]{1,${PART - 1}}\\s|[^]{1,${PART}}`, "gu");

function pieces(node) {
  if (node.nodeType !== Node.TEXT_NODE) return [node];
  return node.data.match(PIECE).map((text) => document.createTextNode(text));
}

/** Put what is in `pre` into blocks that end with a line; nothing is added or left out. */
export function splitIntoParts(pre) {
  const parts = [];
  let size = Infinity;
  let isWholeLine = true;
  const nodes = [...pre.childNodes];
  pre.replaceChildren(); // all at once: one by one takes seconds
  for (const piece of nodes.flatMap(pieces)) {
    // A part goes on until its line ends, unless the line does not.
    if (size >= (isWholeLine ? PART : 2 * PART)) {
      const part = document.createElement("div");
      part.className = "part";
      parts.push(part);
      size = 0;
    }
    parts.at(-1).append(piece);
    size += piece.textContent.length;
    isWholeLine = piece.textContent.endsWith("\n");
  }
  pre.append(...parts);
}
