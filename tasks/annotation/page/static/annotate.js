// The page on which people compare: keys, clicks and taps become actions at the desk.

import { focusAnswer } from "./answers.js";
import { callsOf } from "./calls.js";
import { Clock } from "./clock.js";
import { unfoldConversation } from "./conversation.js";
import { Desk } from "./desk.js";
import { minutes } from "./figures.js";
import { keysAreOn, openHelp } from "./help.js";
import { actionOf, isTaken } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Patience } from "./patience.js";
import { closeNote, toggleNote, toggleStrength } from "./remarks.js";

const { queue: queueId, annotator } = document.body.dataset;
const calls = callsOf(queueId);
const patience = new Patience();
const clock = new Clock();
const outbox = new Outbox({ key: `prefline.unsaved.${annotator}.${queueId}`, send: calls.label, patience });
const desk = new Desk({ queueId, calls, outbox, patience, clock });
const FINAL = new Set(["pick", "tie", "both_bad", "skip"]);

function sideways(step, press) {
  if (desk.hasMany) focusAnswer(step);
  else desk.pick(step < 0 ? 1 : 2, press);
}

const ACTIONS = {
  pick: ({ position, isClear }, press) => desk.pick(position, press, { isClear }),
  tie: (_, press) => desk.say("tie", press),
  both_bad: (_, press) => desk.say("both_bad", press),
  skip: (_, press) => desk.say("skip", press),
  undo: (_, press) => desk.undo(press),
  left: (_, press) => sideways(-1, press),
  right: (_, press) => sideways(1, press),
  back: () => {
    closeNote();
    desk.takeBack();
  },
  slight: () => toggleStrength("slight"),
  clear: () => toggleStrength("clear"),
  note: toggleNote,
  "note-done": closeNote,
  expand: unfoldConversation,
  help: openHelp,
  retry: () => desk.retry(),
};

document.addEventListener("keydown", (event) => {
  if (isTaken(event) || !keysAreOn()) return;
  const action = actionOf(event);
  if (action === null) return;
  if (event.key !== "Escape") event.preventDefault();
  ACTIONS[action.name](action, { time: event.timeStamp, by: "key" });
});

document.addEventListener("click", (event) => {
  const element = event.target.closest("[data-action]");
  if (!element || element.getAttribute("aria-disabled") === "true") return;
  const { action: name, position } = element.dataset;
  if (FINAL.has(name) && event.detail > 1) return; // the second half of a double click
  const by = event.detail === 0 ? "key" : "pointer";
  ACTIONS[name]({ name, position: Number(position) }, { time: event.timeStamp, by });
});

function showTime() {
  document.getElementById("timer").textContent = minutes(clock.seconds);
  document.getElementById("timer-box").classList.toggle("is-paused", clock.isPaused);
}

setInterval(showTime, 500);
window.addEventListener("pagehide", () => desk.keep());
document.addEventListener("visibilitychange", () => desk.keep());
desk.open();
