/** Requests to the service, and what went wrong with them in words for a reader. */

const KEY = "country-relations-key";
/** Sentences before one that are sent with it, so that "both countries" finds what it points back to. */
export const CONTEXT = 10;

/** An error to show: what happened, in detail, and what to do. */
export class Problem extends Error {
  /**
   * @param {string} title
   * @param {string} detail
   * @param {string} remedy
   * @param {{status?: number, errors?: {pointer: string, detail: string}[]}} [more]
   */
  constructor(title, detail, remedy, { status = 0, errors = [] } = {}) {
    super(detail);
    Object.assign(this, { title, remedy, status, errors });
  }
}

/** The API key of this tab: it goes with the tab, and lies in no other storage. */
export const apiKey = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/**
 * Read a text.
 * @param {{text: string, as_of?: string, explain: boolean}} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<import("./state.js").Answer>}
 * @throws {Problem}
 */
export async function analyse(body, signal) {
  const response = await send("v1/relations", body, signal);
  if (!response.ok) throw await problemOf(response);
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The answer cannot be read", "It broke off, or is no JSON.", "Try again.");
  }
}

/**
 * Add the evidence to a sentence's relations, from a second request for it and a little of what stands before.
 * A relation that comes out differently there gets none.
 * @param {import("./state.js").Reading} reading
 * @param {import("./state.js").Sentence} sentence
 * @throws {Problem}
 */
export async function explain(reading, sentence) {
  const { start } = reading.answer.sentences[Math.max(0, sentence.index - CONTEXT)];
  const text = reading.points.slice(start, sentence.end).join("");
  const { sentences } = await analyse({ text, as_of: reading.asOf, explain: true });
  for (const relation of sentence.relations) {
    const found = sentences
      .at(-1)
      .relations.find(
        ({ source, target, label }) =>
          source === relation.source && target === relation.target && label === relation.label,
      );
    relation.evidence = (found?.evidence ?? []).map((word) => ({
      ...word,
      start: word.start + start,
      end: word.end + start,
    }));
  }
}

/**
 * Say that a relation is wrong.
 * @param {object} body As the service's document describes it.
 * @returns {Promise<{id: string}>}
 * @throws {Problem}
 */
export async function correct(body) {
  const response = await send("v1/corrections", body);
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

async function send(path, body, signal) {
  const key = apiKey.get();
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  try {
    return await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(
      "The service does not answer",
      "No connection could be made, or it broke off.",
      "Check that the service runs and that you are connected, then try again. Your text is still here.",
    );
  }
}

async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const { status } = response;
  return new Problem(
    TITLES[status] ?? `The service failed (${status})`,
    told.detail ?? `It answered ${status} without a reason; perhaps that was a proxy in between.`,
    remedyOf(response),
    { status, errors: told.errors },
  );
}

const TITLES = {
  401: "An API key is needed",
  403: "This API key is not enough",
  413: "The article is too long",
  422: "The request was refused",
  429: "Too many requests",
  503: "The service is not ready",
};

function remedyOf(response) {
  switch (response.status) {
    case 401:
      return "Enter an API key.";
    case 403:
      return "Use another API key.";
    case 413:
      return "Shorten the text, or read it in parts.";
    case 422:
      return "Correct what is named and try again.";
    case 429:
      return `Try again ${waiting(response.headers.get("Retry-After"))}.`;
    case 503:
      return "Try again in a minute; if it lasts, tell whoever runs the service.";
    default:
      return `Try again; if it lasts, tell whoever runs the service. Request ${response.headers.get("X-Request-ID") ?? "without an id"}.`;
  }
}

function waiting(seconds) {
  if (!/^\d+$/.test(seconds ?? "")) return "later";
  return Number(seconds) < 120 ? `in ${seconds} seconds` : `in ${Math.ceil(Number(seconds) / 60)} minutes`;
}
