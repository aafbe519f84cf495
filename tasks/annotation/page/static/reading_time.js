// The shortest time before a choice, counted down.

export class ReadingTime {
  #timer = 0;

  /** Seconds that are left; 0 as soon as a choice is free. */
  left = 0;

  /** Count `seconds` down; `tellLeft` hears of each whole second and of the 0 at the end. */
  begin(seconds, tellLeft) {
    this.end();
    const end = performance.now() + seconds * 1000;
    const tick = () => {
      this.left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      if (this.left === 0) this.end();
      tellLeft(this.left);
    };
    if (seconds > 0) this.#timer = setInterval(tick, 250);
    tick();
  }

  end() {
    clearInterval(this.#timer);
    this.left = 0;
  }
}
