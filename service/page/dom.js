/** Making elements, and lists that grow as they are read. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | undefined | EventListener>} [attributes]
 *   Functions become listeners (`onclick`); false, null and undefined leave an attribute out.
 * @param {...(Node | string | number | null | false)} children Null and false are left out.
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * Make an SVG element, as {@link element} does.
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      made.setAttribute(name, value === true ? "" : value);
  }
  made.append(
    ...children
      .filter((child) => child !== null && child !== false)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
  return made;
}

/** @returns {HTMLElement} The element of an id that is in the page. */
export const byId = (id) => document.getElementById(id);

const STEP = 40;

/**
 * Show a list a few dozen items at a time: more come as the reader nears its end, or presses the button there.
 * Thousands of rows at once would block the page for seconds.
 * @template T
 * @param {HTMLElement} host Gets the list and the button, in place of all that it held.
 * @param {HTMLElement} list What the items are put into, such as a list or the body of a table.
 * @param {HTMLElement} outer What stands in the host: the list itself, or the table around it.
 * @param {T[]} items
 * @param {(item: T) => HTMLElement} build
 */
export function growing(host, list, outer, items, build) {
  let shown = 0;
  const more = element("button", { type: "button", class: "more", onclick: () => grow() });
  const watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && grow(), {
    rootMargin: "600px",
  });

  const grow = () => {
    list.append(...items.slice(shown, shown + STEP).map(build));
    shown = Math.min(shown + STEP, items.length);
    more.textContent = `Show more (${number(shown)} of ${number(items.length)} so far)`;
    // Watched anew: a button that stays in view does not come into view.
    watcher.disconnect();
    if (shown < items.length) watcher.observe(more);
    else more.remove();
  };

  host.replaceChildren(outer, more);
  grow();
}

const numbers = new Intl.NumberFormat("en");

/** @param {number} value A whole number. */
export const number = (value) => numbers.format(value);

/** "1 sentence", "2 sentences". */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
