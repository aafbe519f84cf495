// What a page asks about one queue.

import { ask } from "./api.js";

export function callsOf(queueId) {
  const path = `/api/q/${encodeURIComponent(queueId)}`;
  return {
    next: () => ask("GET", `${path}/next`),
    label: (label) => ask("POST", `${path}/label`, label),
    undo: () => ask("POST", `${path}/undo`),
    adjudicate: (label) => ask("POST", `${path}/adjudicate`, label),
    close: () => ask("POST", `${path}/close`),
    reopen: () => ask("POST", `${path}/reopen`),
  };
}
