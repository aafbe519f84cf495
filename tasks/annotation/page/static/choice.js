// What has been said about the answers so far. Of two, the best one says it all; of more, best and worst.

export function nothingSaid(numAnswers) {
  return { numAnswers, best: null, worst: null };
}

/** The choice after the answer at `position` was named; unchanged where that says nothing. */
export function named(choice, position) {
  if (position < 1 || position > choice.numAnswers) return choice;
  if (choice.best === null) return { ...choice, best: position };
  if (choice.numAnswers === 2 || position === choice.best) return choice;
  return { ...choice, worst: position };
}

export function isComplete(choice) {
  return choice.best !== null && (choice.numAnswers === 2 || choice.worst !== null);
}

const IN_WORDS = { tie: "a tie", skip: "skipped" };

/** A label in words, for the status line and for who listens. */
export function inWords({ choice, worst, strength }, numAnswers) {
  if (choice === "both_bad") return numAnswers === 2 ? "both bad" : "all bad";
  if (typeof choice === "string") return IN_WORDS[choice] ?? choice;
  if (numAnswers > 2) return worst ? `${choice} best, ${worst} worst` : `${choice} best`;
  const how = { slight: "slightly better", clear: "clearly better" }[strength] ?? "better";
  return `answer ${choice} ${how}`;
}
