/**
 * What was read, and what of it is shown.
 *
 * @typedef {"support" | "opposition" | "neutrality"} Label
 * @typedef {{start: number, end: number, text: string, label: Label, weight: number}} Evidence
 * @typedef {{source: string, target: string, label: Label, probability: number,
 *   probabilities: Record<Label, number>, evidence?: Evidence[]}} Relation
 * @typedef {{start: number, end: number, text: string, country: string, name: string, kind: string,
 *   ambiguous: boolean, refers_to: string | null}} Mention
 * @typedef {{index: number, start: number, end: number, text: string, skipped: string | null,
 *   mentions: Mention[], relations: Relation[]}} Sentence Offsets are code points into the article.
 * @typedef {{name: string, version: string, sha256: string, tier: string}} Model
 * @typedef {{model: Model, sentences: Sentence[]}} Answer
 * @typedef {{code: string, name: string, count: number}} Country `count` is that of its relations.
 * @typedef {{answer: Answer, points: string[], asOf: string | undefined, countries: Map<string, Country>}} Reading
 *   `points` are the article's code points.
 * @typedef {{label: Label | "", hideNeutral: boolean, minimum: number, countries: Set<string>}} Filter
 * @typedef {{sentence: Sentence, relations: Relation[]}} Shown
 * @typedef {{source: string, target: string, support: number, opposition: number, neutrality: number,
 *   count: number, balance: number, label: Label}} Dyad
 */

/** How each stance is told: never by its colour alone. */
export const STANCES = {
  support: { sign: "+", name: "support" },
  opposition: { sign: "−", name: "opposition" },
  neutrality: { sign: "○", name: "neutral" },
};

/** @type {Label[]} */
export const LABELS = ["support", "opposition", "neutrality"];

/**
 * @param {string} text The article.
 * @param {string | undefined} asOf
 * @param {Answer} answer
 * @returns {Reading}
 */
export function read(text, asOf, answer) {
  const countries = new Map();
  for (const sentence of answer.sentences) {
    for (const { country, name } of sentence.mentions) {
      if (!countries.has(country)) countries.set(country, { code: country, name, count: 0 });
    }
    for (const { source, target } of sentence.relations) {
      countries.get(source).count += 1;
      countries.get(target).count += 1;
    }
  }
  return { answer, points: Array.from(text), asOf, countries };
}

/** @returns {Filter} One that lets everything through. */
export const unfiltered = () => ({ label: "", hideNeutral: false, minimum: 0, countries: new Set() });

/** @param {Filter} filter */
export const isOpen = ({ label, hideNeutral, minimum, countries }) =>
  !label && !hideNeutral && minimum === 0 && countries.size === 0;

/**
 * @param {Filter} filter
 * @param {Relation} relation
 */
export function accepts(filter, relation) {
  const { label, hideNeutral, minimum, countries } = filter;
  if (label ? relation.label !== label : hideNeutral && relation.label === "neutrality") return false;
  if (relation.probability < minimum) return false;
  const parties = Number(countries.has(relation.source)) + Number(countries.has(relation.target));
  return countries.size === 0 || parties === Math.min(countries.size, 2);
}

/**
 * Sentences and those of their relations that pass. A filter that lets everything through also shows the
 * sentences that have none.
 * @param {Reading} reading
 * @param {Filter} filter
 * @returns {Shown[]}
 */
export function visible(reading, filter) {
  const all = isOpen(filter);
  return reading.answer.sentences
    .map((sentence) => ({
      sentence,
      relations: sentence.relations.filter((relation) => accepts(filter, relation)),
    }))
    .filter(({ relations }) => all || relations.length > 0);
}

/**
 * Count stances by ordered pair of countries, the most frequent pairs first.
 * @param {Shown[]} shown
 * @returns {Dyad[]}
 */
export function dyads(shown) {
  const found = new Map();
  for (const { source, target, label } of shown.flatMap(({ relations }) => relations)) {
    const key = `${source} ${target}`;
    if (!found.has(key)) found.set(key, { source, target, support: 0, opposition: 0, neutrality: 0 });
    found.get(key)[label] += 1;
  }
  return [...found.values()]
    .map(summed)
    .sort((a, b) => b.count - a.count || (a.source + a.target < b.source + b.target ? -1 : 1));
}

function summed(dyad) {
  const count = dyad.support + dyad.opposition + dyad.neutrality;
  const balance = (dyad.support - dyad.opposition) / count;
  const label = balance > 0 ? "support" : balance < 0 ? "opposition" : "neutrality";
  return { ...dyad, count, balance, label };
}

/**
 * Countries of some dyads, those with the most relations first.
 * @param {Dyad[]} pairs
 * @param {number} most
 * @returns {{codes: string[], all: number}}
 */
export function leading(pairs, most) {
  const counts = new Map();
  for (const { source, target, count } of pairs) {
    for (const code of [source, target]) counts.set(code, (counts.get(code) ?? 0) + count);
  }
  const codes = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([code]) => code);
  return { codes: codes.slice(0, most), all: codes.length };
}

/** A number with its sign: "+0.52", "−1.00"; "0.00" has none. @param {number} value */
export function signed(value, places = 2) {
  const size = Math.abs(value).toFixed(places);
  return Number(size) === 0 ? size : `${value < 0 ? "−" : "+"}${size}`;
}

/** A hue in degrees that is a country's own, in every article. @param {string} code */
export function hue(code) {
  const place = [...code].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 65, 0);
  // The golden angle keeps neighbours in the alphabet apart.
  return Math.round((place * 137.508) % 360);
}
