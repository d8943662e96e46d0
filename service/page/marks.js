/** A sentence's words with its countries marked and, where a relation is open, the words that moved it. */

import { element } from "./dom.js";
import { hue, signed } from "./state.js";

const KINDS = {
  name: "named",
  demonym: "by its people",
  capital: "by its capital",
  government: "by an institution",
  leader: "by an office-holder",
  anaphor: "by a back reference",
};

/**
 * @param {import("./state.js").Sentence} sentence
 * @param {import("./state.js").Evidence[]} evidence
 * @returns {Node[]}
 */
export function marked(sentence, evidence = []) {
  const points = Array.from(sentence.text);
  const cut = (start, end) => points.slice(start - sentence.start, end - sentence.start).join("");
  const made = [];
  let at = sentence.start;
  for (const { start, end, mentions } of places(sentence.mentions)) {
    made.push(...weighed(at, start, evidence, cut));
    made.push(mark(mentions, weighed(start, end, evidence, cut)));
    at = end;
  }
  return [...made, ...weighed(at, sentence.end, evidence, cut)];
}

/** Mentions that lie on one another, such as the two of "both countries", make one place. */
function places(mentions) {
  const found = [];
  for (const mention of [...mentions].sort((a, b) => a.start - b.start)) {
    const last = found.at(-1);
    if (last && mention.start < last.end) {
      last.end = Math.max(last.end, mention.end);
      last.mentions.push(mention);
    } else found.push({ start: mention.start, end: mention.end, mentions: [mention] });
  }
  return found;
}

function mark(mentions, words) {
  const codes = mentions.map(({ country, ambiguous }) => country + (ambiguous ? "?" : ""));
  const made = element(
    "span",
    { class: "mention", title: mentions.map(told).join("; ") },
    ...words,
    element("span", { class: "code" }, ` ${codes.join(" ")}`),
  );
  made.style.setProperty("--hue", hue(mentions[0].country));
  return made;
}

const told = ({ name, kind, ambiguous, refers_to: antecedent }) =>
  `${name}, ${KINDS[kind] ?? kind}${antecedent ? ` (${antecedent})` : ""}${ambiguous ? ", uncertain" : ""}`;

/** Of a smaller weight no word is underlined: the list of the evidence has it. */
const LEAST = 0.1;

/** The stretch of text from start to end, its weighty words underlined. */
function weighed(start, end, evidence, cut) {
  const made = [];
  let at = start;
  const within = evidence.filter((one) => one.start >= start && one.end <= end && Math.abs(one.weight) >= LEAST);
  for (const word of within.sort((a, b) => a.start - b.start)) {
    made.push(document.createTextNode(cut(at, word.start)), underlined(word));
    at = word.end;
  }
  made.push(document.createTextNode(cut(at, end)));
  return made;
}

function underlined(word) {
  const made = element(
    "span",
    { class: `word ${word.label} ${word.weight < 0 ? "against" : "for"}` },
    word.text,
    element("sup", {}, signed(word.weight)),
  );
  made.style.setProperty("--weight", Math.min(1, Math.abs(word.weight) / 2));
  return made;
}
