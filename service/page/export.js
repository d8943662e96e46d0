/** What is shown, as files: made in the browser, from what it holds already. */

import { dyads } from "./state.js";

const COLUMNS = [
  "id",
  "sentence",
  "start",
  "end",
  "source",
  "target",
  "label",
  "probability",
  "support",
  "opposition",
  "neutrality",
  "text",
];
/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** @type {Record<string, {type: string, make: typeof toJson}>} */
export const FORMATS = {
  json: { type: "application/json", make: toJson },
  csv: { type: "text/csv", make: toCsv },
  graphml: { type: "application/graphml+xml", make: toGraphml },
};

/** Save a text as a file. */
export function download(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const judged = (shown) => shown.filter(({ relations }) => relations.length > 0);

/**
 * @param {import("./state.js").Shown[]} shown
 * @param {import("./state.js").Reading} reading
 * @param {import("./state.js").Filter} filter
 */
export function toJson(shown, reading, filter) {
  const pairs = dyads(shown).map(({ source, target, support, opposition, neutrality, balance }) => ({
    source,
    target,
    support,
    opposition,
    neutrality,
    balance,
  }));
  const told = {
    model: reading.answer.model,
    as_of: reading.asOf ?? null,
    filter: {
      label: filter.label || null,
      hide_neutral: filter.hideNeutral,
      min_probability: filter.minimum,
      countries: [...filter.countries],
    },
    sentences: judged(shown).map(({ sentence, relations }) => ({ ...sentence, relations })),
    dyads: pairs,
  };
  return `${JSON.stringify(told, null, 1)}\n`;
}

/**
 * The columns of the API's CSV and the sentence itself, after a byte order mark, without which Excel takes
 * UTF-8 for something else.
 * @param {import("./state.js").Shown[]} shown
 */
export function toCsv(shown) {
  const rows = judged(shown).flatMap(({ sentence, relations }) =>
    relations.map(({ source, target, label, probability, probabilities }) => [
      ...["", sentence.index, sentence.start, sentence.end, source, target, label, probability],
      ...[probabilities.support, probabilities.opposition, probabilities.neutrality, sentence.text],
    ]),
  );
  return `\ufeff${[COLUMNS, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;
}

function cell(value) {
  if (typeof value === "number") return String(value);
  const inert = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/**
 * A directed graph: countries as nodes, dyads as edges.
 * @param {import("./state.js").Shown[]} shown
 * @param {import("./state.js").Reading} reading
 */
export function toGraphml(shown, reading) {
  const pairs = dyads(shown);
  const codes = [...new Set(pairs.flatMap(({ source, target }) => [source, target]))].sort();
  const keys = [
    ["name", "node", "string"],
    ["support", "edge", "int"],
    ["opposition", "edge", "int"],
    ["neutrality", "edge", "int"],
    ["weight", "edge", "int"],
    ["balance", "edge", "double"],
  ];
  const data = (key, value) => `<data key="${key}">${escaped(value)}</data>`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ...keys.map(
      ([name, domain, type]) => `  <key id="${name}" for="${domain}" attr.name="${name}" attr.type="${type}"/>`,
    ),
    '  <graph id="relations" edgedefault="directed">',
    ...codes.map((code) => `    <node id="${code}">${data("name", reading.countries.get(code).name)}</node>`),
    ...pairs.map((pair) => {
      const told = ["support", "opposition", "neutrality", "balance"].map((key) => data(key, pair[key]));
      return `    <edge source="${pair.source}" target="${pair.target}">${told.join("")}${data("weight", pair.count)}</edge>`;
    }),
    "  </graph>",
    "</graphml>",
    "",
  ].join("\n");
}

const escaped = (value) =>
  String(value).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
