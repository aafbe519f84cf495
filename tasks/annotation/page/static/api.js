// Calls to the server that gave this page, and the two ways in which they fail.

const LONGEST_WAIT_MS = 20_000;
const WORTH_RETRYING = new Set([408, 429, 502, 503, 504]);

/** The server does not answer, or not now: the same call may succeed later. */
export class Unreachable extends Error {
  constructor(message, retryAfterSeconds = 0) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The server answered that it will not; the message is its sentence for the person. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function fetchOnce(method, path, body) {
  const options = {
    method,
    credentials: "same-origin",
    cache: "no-store",
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(LONGEST_WAIT_MS),
  };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.headers["X-Prefline"] = "1";
    options.body = JSON.stringify(body ?? {});
  }
  try {
    const response = await fetch(path, options);
    return { response, text: await response.text() };
  } catch (error) {
    throw new Unreachable(error.message);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What the server replies to a call, as an object. Throws Unreachable or Refused. */
export async function ask(method, path, body) {
  const { response, text } = await fetchOnce(method, path, body);
  const reply = parsed(text);
  if (response.ok) {
    if (reply === null && text !== "") throw new Unreachable("The reply was cut off.");
    return reply ?? {};
  }
  const sentence = reply?.error ?? `The server answered with status ${response.status}.`;
  if (response.status >= 500 || WORTH_RETRYING.has(response.status)) {
    throw new Unreachable(sentence, Number(response.headers.get("Retry-After")) || 0);
  }
  throw new Refused(sentence, response.status);
}
