/** The article, sentence by sentence, with its relations. */

import { element, growing } from "./dom.js";
import { marked } from "./marks.js";
import { LABELS, STANCES, signed } from "./state.js";

const SKIPPED = { no_country: "no country named", one_country: "only one country named" };

/**
 * @typedef {object} Means
 * @property {(sentence: import("./state.js").Sentence) => Promise<void>} explain
 *   Adds the evidence to a sentence's relations where it is missing; rejects with a `Problem`.
 * @property {(sentence: import("./state.js").Sentence, relation: import("./state.js").Relation)
 *   => HTMLElement | null} control Makes what stands below the evidence of a relation.
 *
 * @param {HTMLElement} host
 * @param {import("./state.js").Shown[]} shown
 * @param {Means} means
 */
export function showSentences(host, shown, means) {
  const list = element("ol", { class: "sentences" });
  growing(host, list, list, shown, ({ sentence, relations }) => block(sentence, relations, means));
}

function block(sentence, relations, { explain, control }) {
  const text = element("p", { class: "text" }, ...marked(sentence));
  const panel = element("div", {
    class: "evidence",
    id: `evidence-${sentence.index}`,
    role: "region",
    "aria-label": "Evidence",
    hidden: true,
  });
  const buttons = relations.map((relation) => chip(sentence, relation, () => toggle(relation)));

  const toggle = async (relation) => {
    const place = relations.indexOf(relation);
    const opens = buttons[place].getAttribute("aria-expanded") === "false";
    const isOpen = () => buttons[place].getAttribute("aria-expanded") === "true";
    buttons.forEach((button, index) => button.setAttribute("aria-expanded", String(opens && index === place)));
    panel.hidden = !opens;
    text.replaceChildren(...marked(sentence));
    if (!opens) return;
    if (!relation.evidence) {
      panel.replaceChildren(element("p", { class: "hint" }, "Asking for the evidence…"));
      const failure = await explain(sentence).catch((problem) => problem);
      if (!isOpen()) return;
      if (failure) {
        panel.replaceChildren(element("p", {}, `${failure.title}: ${failure.message} ${failure.remedy}`));
        return;
      }
    }
    text.replaceChildren(...marked(sentence, relation.evidence));
    panel.replaceChildren(...[...reasons(relation), control(sentence, relation)].filter(Boolean));
  };

  return element(
    "li",
    { class: sentence.skipped ? "sentence skipped" : "sentence", value: sentence.index + 1 },
    text,
    sentence.skipped && element("p", { class: "reason" }, SKIPPED[sentence.skipped] ?? sentence.skipped),
    relations.length > 0 &&
      element(
        "div",
        { class: "chips", role: "group", "aria-label": `Relations of sentence ${sentence.index + 1}` },
        ...buttons,
      ),
    relations.length > 0 && panel,
  );
}

function chip(sentence, relation, onclick) {
  const { source, target, label, probability } = relation;
  return element(
    "button",
    {
      type: "button",
      class: `chip ${label}`,
      "aria-expanded": "false",
      "aria-controls": `evidence-${sentence.index}`,
      onclick,
    },
    element("span", { class: "pair" }, source, element("span", { class: "arrow" }, " → "), target),
    " ",
    stance(label),
    " ",
    element("span", { class: "chance" }, probability.toFixed(2)),
    bar(relation.probabilities),
  );
}

/** The sign and the name of a stance. */
export const stance = (label) =>
  element(
    "span",
    { class: "stance" },
    element("i", { class: `sign ${label}`, "aria-hidden": "true" }, STANCES[label].sign),
    STANCES[label].name,
  );

function bar(probabilities) {
  // Support stands at the left end, opposition at the right one: the place tells them apart as well as the colour.
  const parts = ["support", "neutrality", "opposition"].map((label) => {
    const part = element("span", { class: `part ${label}` });
    part.style.width = `${probabilities[label] * 100}%`;
    return part;
  });
  return element("span", { class: "bar", "aria-hidden": "true" }, ...parts);
}

/** What speaks for a relation, what against it, and its probabilities. */
function reasons({ source, target, label, probabilities, evidence }) {
  const speaking = evidence.filter(({ weight }) => weight > 0);
  const against = evidence.filter(({ weight }) => weight < 0);
  return [
    element(
      "p",
      { class: "chances" },
      `${source} → ${target}: `,
      ...LABELS.map((one) =>
        element("span", { class: "chance-of" }, stance(one), ` ${probabilities[one].toFixed(2)}`),
      ),
    ),
    words(`For ${STANCES[label].name}`, speaking),
    against.length > 0 && words(`For ${STANCES[against[0].label].name} instead`, against),
    evidence.length === 0 &&
      element(
        "p",
        {},
        "No words can be shown: read without the whole article, the sentence gives another answer.",
      ),
  ].filter(Boolean);
}

const words = (title, evidence) =>
  evidence.length > 0 &&
  element(
    "p",
    { class: "words" },
    element("span", { class: "words-title" }, title),
    ...evidence.flatMap(({ text, label, weight }) => [
      " ",
      element("span", { class: `moved ${label}` }, text, element("b", {}, ` ${signed(weight)}`)),
    ]),
  );
