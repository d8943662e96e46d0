/** "This is wrong": a dialog that sends the right label of a relation to whoever runs the service. */

import { CONTEXT, Problem, correct } from "./api.js";
import { element } from "./dom.js";
import { stance } from "./sentences.js";
import { LABELS, STANCES } from "./state.js";

/** Code points that the service takes with a correction. */
const MOST = 10_000;
const MOST_OF_NOTE = 2_000;

/** Relations that were reported, for as long as they are shown. @type {WeakSet<import("./state.js").Relation>} */
const reported = new WeakSet();

/**
 * The control at a relation: a button, or the word that it was reported.
 * @param {import("./state.js").Reading} reading
 * @param {import("./state.js").Sentence} sentence
 * @param {import("./state.js").Relation} relation
 * @returns {HTMLElement | null} Null where the service takes no corrections.
 */
export function reportControl(reading, sentence, relation) {
  if (document.documentElement.dataset.corrections !== "on") return null;
  const done = () => element("p", { class: "hint" }, "You reported this as wrong.");
  if (reported.has(relation)) return done();
  const onclick = () =>
    ask(reading, sentence, relation, () => {
      reported.add(relation);
      button.replaceWith(done());
    });
  const button = element("button", { type: "button", class: "quiet report", onclick }, "Report this as wrong…");
  return button;
}

function ask(reading, sentence, relation, done) {
  const choices = LABELS.filter((label) => label !== relation.label).map((label) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name: "right", value: label, required: true }),
      stance(label),
    ),
  );
  const note = element("textarea", { id: "report-note", rows: 3, maxlength: MOST_OF_NOTE });
  const failure = element("p", { role: "alert", class: "failure" });
  const send = element("button", { type: "submit", class: "primary" }, "Send");
  const cancel = element("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const body = bodyOf(reading, sentence, relation);

  const onsubmit = async (event) => {
    event.preventDefault();
    failure.textContent = "";
    send.disabled = true;
    const label = new FormData(form).get("right");
    const said = note.value.trim();
    try {
      const { id } = await correct({ ...body, label, ...(said && { note: said }) });
      done();
      thank(dialog, id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failure.textContent = `${error.title}: ${error.message} ${error.remedy}`;
    } finally {
      send.disabled = false;
    }
  };
  const form = element(
    "form",
    { onsubmit },
    element("h2", { id: "report-title" }, `${relation.source} → ${relation.target} is wrong`),
    element("blockquote", {}, sentence.text),
    element("p", {}, `It was called ${STANCES[relation.label].name}.`),
    element("fieldset", { class: "segments" }, element("legend", {}, "Right is"), ...choices),
    element("label", { for: "report-note" }, "Why (not required)"),
    note,
    element("p", { class: "hint" }, kept(body, sentence)),
    failure,
    element("div", { class: "row" }, send, cancel),
  );
  const dialog = element(
    "dialog",
    { "aria-labelledby": "report-title", class: "report-dialog", onclose: () => dialog.remove() },
    form,
  );
  document.body.append(dialog);
  dialog.showModal();
}

const kept = (body, sentence) =>
  `The sentence${body.text === sentence.text ? "" : ", some of the text before it"} and your answer are kept ` +
  "by whoever runs this service, and may become training data.";

function thank(dialog, id) {
  const close = element("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    element("h2", { id: "report-title" }, "Thank you"),
    element("p", {}, "A person will look at it. It is kept as ", element("code", {}, id), "."),
    element("div", { class: "row" }, close),
  );
  close.focus();
}

/** What is sent, without the answer. A phrase such as "both countries" needs what stands before the sentence. */
function bodyOf(reading, sentence, relation) {
  const source = spanOf(sentence, relation.source);
  const target = spanOf(sentence, relation.target);
  const needsMore = sentence.mentions.some(({ kind }) => kind === "anaphor");
  const before = reading.answer.sentences.slice(Math.max(0, sentence.index - CONTEXT), sentence.index + 1);
  const first = needsMore ? before.find(({ start }) => sentence.end - start <= MOST) : sentence;
  const { start } = first ?? sentence;
  const moved = (mention) => ({
    start: mention.start - start,
    end: mention.end - start,
    country: mention.country,
  });
  return {
    text: reading.points.slice(start, sentence.end).join(""),
    source: moved(source),
    target: moved(target),
    judged: relation.label,
    as_of: reading.asOf,
  };
}

/** Where a country is named; where it is not, what stands for it. */
function spanOf(sentence, code) {
  const mentions = sentence.mentions.filter(({ country }) => country === code);
  return mentions.find(({ kind }) => kind !== "anaphor") ?? mentions[0];
}
