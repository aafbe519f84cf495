// One person's desk: which comparison lies on it, what is said about it, and what comes next.

import { Refused, Unreachable } from "./api.js";
import { isComplete, named, nothingSaid } from "./choice.js";
import { enableChoices } from "./choice_bar.js";
import { mark, showComparison } from "./comparison.js";
import { draftOf, keepDraft } from "./draft.js";
import { showEmpty, showPlainly } from "./empty.js";
import { showFigures } from "./figures.js";
import { ReadingTime } from "./reading_time.js";
import { note, setStrength, strength } from "./remarks.js";
import {
  askFor, sayNew, tellSaved, tellSilence, tellTrouble, tellUndone, tellUnsaved,
} from "./sentences.js";
import { announce, setBusy, tell } from "./status.js";

const SETTLING_MS = { key: 150, pointer: 300 }; // a press so early was meant for the item before
const POLL_MS = 15_000;
const SLOW_MS = 400;
const SIGNED_OUT = new Set([401, 403]);
const ITEM_IS_GONE = new Set([404, 409]);

export class Desk {
  #queueId;
  #calls;
  #outbox;
  #patience;
  #clock;
  #reading = new ReadingTime();
  #phase = "loading"; // then choosing, saving, empty or stopped
  #item = null;
  #said = nothingSaid(2);
  #shownAt = Infinity;
  #poll = 0;

  constructor({ queueId, calls, outbox, patience, clock }) {
    this.#queueId = queueId;
    this.#calls = calls;
    this.#outbox = outbox;
    this.#patience = patience;
    this.#clock = clock;
  }

  /** Begin, with the label that an earlier page could not deliver if there is one. */
  async open() {
    const kept = this.#outbox.kept;
    if (kept) await this.#deliver(kept);
    else await this.#load();
  }

  get hasMany() {
    return this.#said.numAnswers > 2;
  }

  /** Name the answer at `position`; `press` is when and how it was pressed. */
  pick(position, press, { isClear = false } = {}) {
    if (!this.#isFree(press)) return;
    this.#said = named(this.#said, position);
    if (this.#said.best === null) return;
    if (isClear) setStrength("clear");
    mark(this.#said.best, this.#said.worst);
    if (isComplete(this.#said)) this.#give(this.#said.best, this.#said.worst);
    else askFor(this.#said);
  }

  /** Say tie, both_bad or skip. */
  say(choice, press) {
    if (!this.#isFree(press)) return;
    mark(choice, null);
    this.#give(choice, null);
  }

  /** Take the best of three or more answers back. */
  takeBack() {
    if (this.#phase === "choosing" && this.#said.best !== null) this.#startOver();
  }

  /** Take the last label back. */
  async undo(press) {
    const isSettled = press.time >= this.#shownAt + SETTLING_MS[press.by];
    if (this.#phase !== "empty" && !(this.#phase === "choosing" && isSettled)) return;
    this.keep();
    this.#begin("loading");
    try {
      this.#show(await this.#calls.undo());
      tellUndone(this.#item);
    } catch (error) {
      if (!(error instanceof Unreachable)) await this.#refused(error);
      else await this.#lookAgain("The server did not answer in time; this is what is in front of you now.");
    }
  }

  /** Try again now what waits for another try. */
  async retry() {
    if (this.#phase === "stopped") await this.open();
    else this.#patience.hurry();
  }

  /** Keep what a reload of this page would lose. */
  keep() {
    if (this.#phase !== "choosing") return;
    const draft = { note: note(), strength: strength(), seconds: this.#clock.seconds };
    keepDraft({ queueId: this.#queueId, itemId: this.#item.item_id, ...draft });
  }

  #isFree(press) {
    const isSettled = press.time >= this.#shownAt + SETTLING_MS[press.by];
    return this.#phase === "choosing" && isSettled && this.#reading.left === 0;
  }

  #begin(phase) {
    clearTimeout(this.#poll);
    this.#phase = phase;
    setBusy(true);
  }

  #give(choice, worst) {
    const isSide = typeof choice === "number";
    this.#clock.stop();
    this.#deliver({
      item_id: this.#item.item_id,
      choice,
      worst,
      strength: isSide ? strength() : null,
      note: note(),
      seconds: Math.round(this.#clock.seconds * 10) / 10,
    });
  }

  async #deliver(label) {
    this.#begin("saving");
    const slow = setTimeout(() => tell("Saving…"), SLOW_MS);
    let isFirst = true;
    const hear = (left) => {
      clearTimeout(slow);
      tellUnsaved(left, isFirst, this.#item !== null);
      isFirst = false;
    };
    try {
      const { screen } = await this.#outbox.deliver(label, hear);
      const { numAnswers } = this.#said;
      this.#show(screen);
      tellSaved(label, numAnswers, screen.item);
    } catch (error) {
      await this.#refused(error);
    } finally {
      clearTimeout(slow);
    }
  }

  async #load() {
    this.#begin("loading");
    try {
      this.#show(await this.#patience.until(this.#calls.next, tellSilence));
      sayNew(this.#item);
    } catch (error) {
      await this.#refused(error);
    }
  }

  async #lookAgain(sentence) {
    await this.#load();
    if (this.#phase !== "stopped") tellTrouble(sentence);
  }

  async #refused(error) {
    if (!(error instanceof Refused)) throw error;
    if (SIGNED_OUT.has(error.status)) {
      this.#stop("You are signed out", `${error.message} Once you have opened it in this browser, `
        + "come back here and go on. What was not saved yet is kept and goes out then.");
    } else if (this.#phase === "loading") {
      this.#stop("This queue cannot be shown", error.message);
    } else if (this.#item === null || ITEM_IS_GONE.has(error.status)) {
      await this.#lookAgain(error.message);
    } else {
      this.#startOver();
      tellTrouble(error.message);
    }
  }

  #stop(title, text) {
    this.#phase = "stopped";
    setBusy(false);
    tell("");
    showPlainly(title, text, { canRetry: true });
    announce(`${title}. ${text}`);
  }

  #startOver() {
    this.#phase = "choosing";
    this.#said = nothingSaid(this.#said.numAnswers);
    this.#clock.start(this.#clock.seconds);
    setBusy(false);
    mark(null, null);
    askFor(this.#said);
  }

  #show(screen) {
    this.#reading.end();
    tell("");
    showFigures(screen.progress);
    this.#item = screen.item;
    if (screen.item === null) this.#showNothing(screen);
    else this.#showItem(screen);
  }

  #showNothing({ why_empty, progress }) {
    this.#phase = "empty";
    setBusy(false);
    this.#clock.stop();
    showEmpty(why_empty, progress);
    if (why_empty === "waiting") this.#poll = setTimeout(() => this.#load(), POLL_MS);
  }

  #showItem(screen) {
    const { item } = screen;
    const draft = draftOf(this.#queueId, item.item_id);
    this.#said = nothingSaid(item.responses.length);
    this.#shownAt = Infinity;
    showComparison(screen, draft);
    this.#clock.start(item.before ? 0 : draft?.seconds);
    this.#phase = "choosing";
    askFor(this.#said);
    this.#read(item.min_seconds - item.elapsed_seconds);
    // The second frame comes after the first is painted: then the item is there to be seen.
    requestAnimationFrame(() => requestAnimationFrame(() => this.#seen()));
  }

  #seen() {
    this.#shownAt = performance.now();
    setBusy(this.#phase !== "choosing");
  }

  #read(seconds) {
    this.#reading.begin(seconds, (left) => {
      enableChoices(left === 0);
      if (left > 0) {
        tell(`Read for ${left} more ${left === 1 ? "second" : "seconds"}`, "wait");
      } else if (seconds > 0) {
        tell("");
        askFor(this.#said);
        announce("You can choose now.");
      }
    });
  }
}
