/** Errors, in words, and the field for an API key where one is missing. */

import { apiKey } from "./api.js";
import { byId, element } from "./dom.js";

/** Take the last error away. */
export const clearNotice = () => byId("notice").replaceChildren();

/**
 * @param {import("./api.js").Problem} problem
 * @param {() => void} retry Called when the reader has entered a key.
 */
export function showProblem(problem, retry) {
  const { title, message, remedy, errors, status } = problem;
  byId("notice").replaceChildren(
    element(
      "div",
      { class: "notice" },
      element("h2", {}, title),
      element("p", {}, message),
      errors.length > 0 &&
        element(
          "ul",
          {},
          ...errors.map(({ pointer, detail }) =>
            element("li", {}, element("code", {}, pointer || "/"), ` ${detail}`),
          ),
        ),
      element("p", { class: "remedy" }, remedy),
      (status === 401 || status === 403) && keyForm(retry),
    ),
  );
  byId("key")?.focus();
}

function keyForm(retry) {
  const field = element("input", {
    type: "password",
    id: "key",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
  });
  const onsubmit = (event) => {
    event.preventDefault();
    apiKey.set(field.value.trim());
    retry();
  };
  return element(
    "form",
    { class: "key-form", onsubmit },
    element("label", { for: "key" }, "API key"),
    field,
    element("button", { type: "submit", class: "primary" }, "Use key"),
    element("p", { class: "hint" }, "Kept for this tab alone, until you close it."),
  );
}
