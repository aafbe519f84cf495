// How long a comparison has been worked on: the page in sight, and the person not gone.

const LONGEST_REST_MS = 120_000;
const SIGNS_OF_LIFE = ["keydown", "pointerdown", "pointermove", "wheel", "scroll", "touchmove"];

export class Clock {
  #counted = 0;
  #since = null; // when the present stretch of work began
  #lastSign = 0;
  #isOn = false;

  constructor() {
    for (const sign of SIGNS_OF_LIFE) {
      document.addEventListener(sign, () => this.#live(), { passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#bank();
      else this.#live();
    });
  }

  /** Count from `seconds` on. */
  start(seconds = 0) {
    this.#isOn = true;
    this.#counted = seconds * 1000;
    this.#since = null;
    this.#live();
  }

  stop() {
    this.#bank();
    this.#isOn = false;
  }

  get seconds() {
    return (this.#counted + this.#stretch()) / 1000;
  }

  get isPaused() {
    return this.#since === null || performance.now() > this.#lastSign + LONGEST_REST_MS;
  }

  #stretch() {
    if (this.#since === null) return 0;
    const end = Math.min(performance.now(), this.#lastSign + LONGEST_REST_MS);
    return Math.max(0, end - this.#since);
  }

  #bank() {
    this.#counted += this.#stretch();
    this.#since = null;
  }

  #live() {
    if (!this.#isOn || document.hidden) return;
    if (this.isPaused) {
      this.#bank();
      this.#since = performance.now();
    }
    this.#lastSign = performance.now();
  }
}
