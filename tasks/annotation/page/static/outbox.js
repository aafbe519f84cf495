// The label that is on its way. It is kept in the browser until the server has said that it has it.

import { Refused } from "./api.js";
import { forGood } from "./browser_store.js";

const KEPT_WHEN_REFUSED_WITH = new Set([401, 403]); // signed out: the label is still good

export class Outbox {
  #key;
  #send;
  #patience;
  #isSending = false;

  constructor({ key, send, patience }) {
    this.#key = key;
    this.#send = send;
    this.#patience = patience;
    window.addEventListener("beforeunload", (event) => {
      if (this.#isSending) event.preventDefault();
    });
  }

  /** The label that an earlier page could not deliver, or null. */
  get kept() {
    return forGood.read(this.#key);
  }

  /** The server's reply to the label, however long that takes. Throws Refused. */
  async deliver(label, tell) {
    this.#isSending = true;
    forGood.write(this.#key, label);
    try {
      const reply = await this.#patience.until(() => this.#send(label), tell);
      forGood.forget(this.#key);
      return reply;
    } catch (error) {
      const isStillGood = error instanceof Refused && KEPT_WHEN_REFUSED_WITH.has(error.status);
      if (!isStillGood) forGood.forget(this.#key);
      throw error;
    } finally {
      this.#isSending = false;
    }
  }
}
