// How far the person and the queue are.

/** 41 -> "41 s", 83 -> "1:23". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return minutes(whole);
}

/** 83 -> "1:23", as on a stopwatch. */
export function minutes(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function put(id, text) {
  const menuCopy = document.querySelector(`[data-figure="${id}"]`);
  for (const element of [document.getElementById(id), menuCopy]) {
    if (element) element.textContent = text;
  }
}

export function showFigures({ mine, num_labels, num_wanted, per_hour, median_seconds, can_undo }) {
  put("mine", mine);
  put("num-labels", num_labels);
  put("num-wanted", num_wanted);
  put("per-hour", per_hour === null ? "–" : Math.round(per_hour));
  put("median-seconds", median_seconds === null ? "–" : duration(median_seconds));
  const bar = document.getElementById("progress");
  bar.max = Math.max(num_wanted, 1);
  bar.value = num_labels;
  for (const undo of document.querySelectorAll('[data-action="undo"]')) undo.disabled = !can_undo;
}
