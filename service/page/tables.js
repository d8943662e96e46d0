/** The dyads as a heat map, source by target, and as a plain table. */

import { element, growing } from "./dom.js";
import { leading, signed } from "./state.js";

const MOST = 20;

/**
 * @param {HTMLElement} host
 * @param {import("./state.js").Dyad[]} pairs
 * @param {Map<string, import("./state.js").Country>} countries
 * @param {(codes: string[]) => void} choose Called with the two countries of the cell that was clicked.
 */
export function showHeatMap(host, pairs, countries, choose) {
  const { codes, all } = leading(pairs, MOST);
  if (codes.length === 0) {
    host.replaceChildren(element("p", { class: "hint" }, "No relations to show."));
    return;
  }
  const found = new Map(pairs.map((pair) => [`${pair.source} ${pair.target}`, pair]));
  const header = (code, scope) => element("th", { scope, title: countries.get(code).name }, code);
  const row = (source) =>
    element(
      "tr",
      {},
      header(source, "row"),
      ...codes.map((target) => cell(source, target, found.get(`${source} ${target}`), choose)),
    );
  const shown = all > codes.length ? ` The ${codes.length} of ${all} countries with the most relations.` : "";
  host.replaceChildren(
    element(
      "div",
      { class: "wide", tabindex: 0, role: "group", "aria-label": "Heat map, scrolls sideways" },
      element(
        "table",
        { class: "heat" },
        element(
          "caption",
          {},
          `Balance of each source (row) towards each target (column): +1 all support, −1 all opposition.${shown}`,
        ),
        element("thead", {}, element("tr", {}, element("td", {}), ...codes.map((code) => header(code, "col")))),
        element("tbody", {}, ...codes.map(row)),
      ),
    ),
  );
}

function cell(source, target, pair, choose) {
  if (!pair) return element("td", { class: source === target ? "self" : null });
  const made = element(
    "td",
    { class: pair.label, onclick: () => choose([source, target]) },
    signed(pair.balance, 1),
  );
  made.style.setProperty("--strength", `${Math.round(Math.abs(pair.balance) * 100)}%`);
  return made;
}

/**
 * @param {HTMLElement} host
 * @param {import("./state.js").Dyad[]} pairs
 */
export function showTable(host, pairs) {
  const body = element("tbody");
  const head = ["Source", "Target", "Support", "Opposition", "Neutral", "Balance"].map((name) =>
    element("th", { scope: "col" }, name),
  );
  const table = element(
    "table",
    { class: "dyads" },
    element("caption", {}, "In how many sentences a source showed which stance towards a target."),
    element("thead", {}, element("tr", {}, ...head)),
    body,
  );
  growing(
    host,
    body,
    element("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Table, scrolls sideways" }, table),
    pairs,
    dyadRow,
  );
}

const dyadRow = ({ source, target, support, opposition, neutrality, balance }) =>
  element(
    "tr",
    {},
    element("th", { scope: "row" }, source),
    ...[target, support, opposition, neutrality, signed(balance)].map((value) => element("td", {}, value)),
  );
