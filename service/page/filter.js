/** The filter's controls. */

import { byId, element } from "./dom.js";
import { hue, unfiltered } from "./state.js";

/**
 * @param {(filter: import("./state.js").Filter) => void} onchange
 * @returns {{offer: (countries: import("./state.js").Country[]) => void, choose: (codes: string[]) => void}}
 *   `offer` sets the countries and clears the filter; `choose` ticks some, or clears them if they are ticked.
 */
export function prepareFilter(onchange) {
  const form = byId("filter");
  const boxes = () => [...byId("country-list").querySelectorAll("input")];
  let asked = 0;

  const changed = () => {
    const filter = current(boxes());
    byId("minimum-value").textContent = filter.minimum.toFixed(2);
    byId("hide-neutral").disabled = filter.label !== "";
    // A slider that is dragged asks many times in a frame.
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => onchange(filter));
  };

  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  // The controls have their old values until after the event.
  form.addEventListener("reset", () => setTimeout(changed));

  const choose = (codes) => {
    const ticked = boxes()
      .filter(({ checked }) => checked)
      .map(({ value }) => value);
    const again = ticked.length === codes.length && codes.every((code) => ticked.includes(code));
    for (const box of boxes()) box.checked = !again && codes.includes(box.value);
    changed();
  };

  const offer = (countries) => {
    const hint = element("span", { class: "hint" }, "one: what it takes part in; several: what is among them");
    byId("country-list").replaceChildren(...countries.map(option), hint);
    form.reset();
  };
  return { offer, choose };
}

function option({ code, name, count }) {
  const made = element(
    "label",
    { title: name },
    element("input", { type: "checkbox", value: code }),
    element(
      "span",
      {},
      code,
      element("span", { class: "unseen" }, ` ${name},`),
      element("small", {}, ` ${count}`),
    ),
  );
  made.style.setProperty("--hue", hue(code));
  return made;
}

function current(boxes) {
  const filter = unfiltered();
  filter.label = byId("filter").elements.label.value;
  filter.hideNeutral = byId("hide-neutral").checked;
  filter.minimum = Number(byId("minimum").value);
  filter.countries = new Set(boxes.filter(({ checked }) => checked).map(({ value }) => value));
  return filter;
}
