/** The countries as a circle, their relations as arrows: colour and dashes by sign, width by count. */

import { element, svg } from "./dom.js";
import { LABELS, STANCES, hue, leading, signed } from "./state.js";

const MOST = 24;
const SIZE = 460;
const NODE = 19;
const MARGIN = 34;

/**
 * @param {HTMLElement} host
 * @param {import("./state.js").Dyad[]} pairs
 * @param {Map<string, import("./state.js").Country>} countries
 * @param {(codes: string[]) => void} choose Called with the country that was clicked.
 */
export function showNetwork(host, pairs, countries, choose) {
  const { codes, all } = leading(pairs, MOST);
  if (codes.length === 0) {
    host.replaceChildren(element("p", { class: "hint" }, "No relations to draw."));
    return;
  }
  const spots = circle(ordered(codes, pairs));
  const drawn = pairs.filter(({ source, target }) => spots.has(source) && spots.has(target));
  // What matters most is drawn last, on top.
  const arrows = drawn
    .toSorted((a, b) => Math.abs(a.balance) - Math.abs(b.balance))
    .map((pair) => arrow(pair, spots, countries));
  const nodes = codes.map((code) => node(code, spots.get(code), countries, choose));
  host.replaceChildren(
    svg(
      "svg",
      { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "network", role: "img", "aria-label": summary(drawn, codes) },
      svg("defs", {}, ...LABELS.map(head)),
      ...arrows,
      ...nodes,
    ),
    legend(),
    ...(all > codes.length
      ? [element("p", { class: "hint" }, `The ${codes.length} of ${all} countries with the most relations.`)]
      : []),
  );
}

function summary(drawn, codes) {
  const tell = (label) => `${drawn.filter((pair) => pair.label === label).length} ${STANCES[label].name}`;
  return `Network of ${codes.length} countries and ${drawn.length} arrows: ${LABELS.map(tell).join(", ")}. The table tells the same.`;
}

/** Put countries with much between them side by side: start with the first, go on with who is tied to the last. */
function ordered(codes, pairs) {
  const ties = new Map();
  for (const { source, target, count } of pairs) {
    for (const key of [source + target, target + source]) ties.set(key, (ties.get(key) ?? 0) + count);
  }
  const [first, ...left] = codes;
  const row = [first];
  while (left.length > 0) {
    const tie = (code) => ties.get(row.at(-1) + code) ?? 0;
    const next = left.reduce((best, code) => (tie(code) > tie(best) ? code : best));
    row.push(...left.splice(left.indexOf(next), 1));
  }
  return row;
}

/** @returns {Map<string, {x: number, y: number}>} */
function circle(codes) {
  const radius = codes.length === 2 ? SIZE / 3 : SIZE / 2 - MARGIN;
  const first = codes.length === 2 ? Math.PI : -Math.PI / 2;
  return new Map(
    codes.map((code, place) => {
      const angle = first + (2 * Math.PI * place) / codes.length;
      return [code, { x: SIZE / 2 + radius * Math.cos(angle), y: SIZE / 2 + radius * Math.sin(angle) }];
    }),
  );
}

function head(label) {
  return svg(
    "marker",
    {
      id: `head-${label}`,
      viewBox: "0 0 10 10",
      refX: 8,
      refY: 5,
      markerWidth: 10,
      markerHeight: 10,
      markerUnits: "userSpaceOnUse",
      orient: "auto",
    },
    svg("path", { d: "M0 0.5 L10 5 L0 9.5 z", class: `head ${label}` }),
  );
}

function arrow(pair, spots, countries) {
  const made = svg(
    "path",
    {
      d: curve(spots.get(pair.source), spots.get(pair.target)),
      class: `edge ${pair.label}`,
      "marker-end": `url(#head-${pair.label})`,
    },
    svg("title", {}, `${countries.get(pair.source).name} → ${countries.get(pair.target).name}: ${told(pair)}`),
  );
  made.style.strokeWidth = Math.min(7, 1 + 0.9 * Math.sqrt(pair.count));
  return made;
}

const told = (pair) =>
  `${LABELS.map((label) => `${pair[label]} ${STANCES[label].name}`).join(", ")}; balance ${signed(pair.balance)}`;

/** Bend each arrow to its right, so that the two of a pair lie apart, and end it at the edge of the node. */
function curve(from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const bent = { x: from.x + dx / 2 - dy * 0.12, y: from.y + dy / 2 + dx * 0.12 };
  const start = towards(from, bent, NODE + 1);
  const end = towards(to, bent, NODE + 3);
  return `M${point(start)} Q${point(bent)} ${point(end)}`;
}

function towards(from, to, distance) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  return { x: from.x + ((to.x - from.x) * distance) / length, y: from.y + ((to.y - from.y) * distance) / length };
}

const point = ({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`;

function node(code, { x, y }, countries, choose) {
  const made = svg(
    "g",
    { class: "node", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, onclick: () => choose([code]) },
    svg("title", {}, countries.get(code).name),
    svg("circle", { r: NODE }),
    svg("text", { "text-anchor": "middle", dy: "0.35em" }, code),
  );
  made.style.setProperty("--hue", hue(code));
  return made;
}

function legend() {
  const line = (label) =>
    element(
      "li",
      {},
      svg(
        "svg",
        { viewBox: "0 0 34 10", class: "key", "aria-hidden": "true" },
        svg("path", { d: "M1 5 H33", class: `edge ${label}` }),
      ),
      `${STANCES[label].sign} ${label === "neutrality" ? "neutral, balanced" : STANCES[label].name}`,
    );
  return element("ul", { class: "legend" }, ...LABELS.map(line), element("li", {}, "width: how many"));
}
