// What a reload of the page must not lose: the time spent on the comparison, and the note so far.

import { forThisTab } from "./browser_store.js";

const KEY = "prefline.draft";

export function keepDraft(draft) {
  forThisTab.write(KEY, draft);
}

/** The draft of this item in this queue, or null. */
export function draftOf(queueId, itemId) {
  const draft = forThisTab.read(KEY);
  return draft?.queueId === queueId && draft.itemId === itemId ? draft : null;
}
