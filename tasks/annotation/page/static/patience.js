// Trying again with longer and longer pauses, until the server answers.

import { Unreachable } from "./api.js";

const PAUSES_SECONDS = [1, 2, 4, 8, 15, 30];

export class Patience {
  #hurry = null;

  constructor() {
    window.addEventListener("online", () => this.hurry());
  }

  /** End the present pause; the next try is now. */
  hurry() {
    this.#hurry?.();
  }

  /**
   * What `call` returns as soon as it no longer throws Unreachable. `tell` hears of each second of
   * a pause: the seconds that are left and the error, and then (null, null) when it tries again.
   */
  async until(call, tell) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        const pause = PAUSES_SECONDS[Math.min(attempt, PAUSES_SECONDS.length - 1)];
        await this.#pause(Math.max(pause, error.retryAfterSeconds), (left) => tell(left, error));
        tell(null, null);
      }
    }
  }

  #pause(seconds, tellLeft) {
    return new Promise((resolve) => {
      let left = Math.ceil(seconds);
      const end = () => {
        clearInterval(ticking);
        this.#hurry = null;
        resolve();
      };
      const ticking = setInterval(() => {
        left -= 1;
        if (left <= 0) end();
        else tellLeft(left);
      }, 1000);
      this.#hurry = end;
      tellLeft(left);
    });
  }
}
