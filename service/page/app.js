/** The page: an article goes to the service, and what comes back is shown. */

import { Problem, analyse, apiKey, explain } from "./api.js";
import { byId, counted, number } from "./dom.js";
import { FORMATS, download } from "./export.js";
import { prepareFilter } from "./filter.js";
import { prepareInput } from "./input.js";
import { showNetwork } from "./network.js";
import { clearNotice, showProblem } from "./notice.js";
import { reportControl } from "./report.js";
import { showSentences } from "./sentences.js";
import { LABELS, STANCES, dyads, read, unfiltered, visible } from "./state.js";
import { showHeatMap, showTable } from "./tables.js";
import { prepareTabs } from "./tabs.js";

/** Evidence takes many times as long as the labels: of a longer article it comes when a sentence is asked for it. */
const EXPLAINED_AT_ONCE = 2_500;

/** @type {import("./state.js").Reading | null} */
let reading = null;
let filter = unfiltered();
/** @type {AbortController | null} */
let running = null;

const say = (message) => {
  byId("status").textContent = message;
};

async function submit() {
  if (running) return;
  const text = byId("text").value;
  const asOf = byId("as-of").value || undefined;
  clearNotice();
  if (!text.trim()) {
    say("Paste an article first, or try an example.");
    byId("text").focus();
    return;
  }
  begin();
  try {
    const answer = await analyse({ text, as_of: asOf, explain: text.length <= EXPLAINED_AT_ONCE }, running.signal);
    say("");
    show(read(text, asOf, answer));
  } catch (error) {
    say(error.name === "AbortError" ? "Stopped." : "");
    if (error instanceof Problem) showProblem(error, submit);
    else if (error.name !== "AbortError") throw error;
  } finally {
    end();
  }
}

function begin() {
  running = new AbortController();
  say("Reading the article…");
  byId("compose").setAttribute("aria-busy", "true");
  byId("analyse").disabled = true;
  byId("stop").hidden = false;
}

function end() {
  running = null;
  byId("compose").removeAttribute("aria-busy");
  byId("analyse").disabled = false;
  byId("stop").hidden = true;
  byId("forget").hidden = !apiKey.get();
}

function show(found) {
  reading = found;
  const { sentences, model } = reading.answer;
  const named = [...reading.countries.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
  const relations = sentences.flatMap((sentence) => sentence.relations);
  const tell = (label) =>
    `${number(relations.filter((one) => one.label === label).length)} ${STANCES[label].name}`;
  byId("summary").textContent =
    `${counted(sentences.length, "sentence")}, ${counted(named.length, "country", "countries")}, ` +
    `${counted(relations.length, "relation")}: ${LABELS.map(tell).join(", ")}.`;
  byId("model").textContent =
    `Read by ${model.name} ${model.version}, ${model.tier} tier, SHA-256 ${model.sha256.slice(0, 12)}…`;
  byId("composer-note").textContent = `${number(reading.points.length)} characters`;
  byId("composer").open = false;
  byId("guide").hidden = true;
  byId("result").hidden = false;
  controls.offer(named.filter(({ count }) => count > 0));
  filter = unfiltered();
  refresh();
  byId("result-title").focus();
}

function refresh() {
  const shown = visible(reading, filter);
  const passing = shown.reduce((sum, { relations }) => sum + relations.length, 0);
  const all = reading.answer.sentences.reduce((sum, { relations }) => sum + relations.length, 0);
  const hidden = reading.answer.sentences.length - shown.length;
  byId("count").textContent =
    `Showing ${number(passing)} of ${counted(all, "relation")}` +
    (hidden > 0 ? `; ${counted(hidden, "sentence")} hidden.` : ".");
  showSentences(byId("sentences"), shown, {
    explain: (sentence) => explain(reading, sentence),
    control: (sentence, relation) => reportControl(reading, sentence, relation),
  });
  const pairs = dyads(shown);
  showNetwork(byId("panel-network"), pairs, reading.countries, controls.choose);
  showHeatMap(byId("panel-heat"), pairs, reading.countries, controls.choose);
  showTable(byId("panel-table"), pairs);
}

const controls = prepareFilter((chosen) => {
  filter = chosen;
  if (reading) refresh();
});
prepareInput(say);
prepareTabs(document.querySelector('[role="tablist"]'));

byId("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    submit();
  }
});
byId("stop").addEventListener("click", () => running?.abort());
byId("forget").hidden = !apiKey.get();
byId("forget").addEventListener("click", () => {
  apiKey.forget();
  byId("forget").hidden = true;
  say("The API key is forgotten.");
});
for (const button of document.querySelectorAll("[data-export]")) {
  button.addEventListener("click", () => {
    const { type, make } = FORMATS[button.dataset.export];
    download(`relations.${button.dataset.export}`, type, make(visible(reading, filter), reading, filter));
  });
}
