/** Ways for a text to come in: typed or pasted, from a file, dropped, or an example. */

import { byId, element, number } from "./dom.js";
import { EXAMPLES } from "./examples.js";

/** Code points; the service takes no more. */
const MOST = 100_000;
const MOST_BYTES = 2_000_000;

/**
 * @param {(message: string) => void} say Tells the reader what became of a file.
 */
export function prepareInput(say) {
  const text = byId("text");
  const put = (content) => {
    text.value = content;
    text.scrollTop = 0;
    showLength(text);
    text.focus();
  };
  const take = async (file) => {
    if (file.size > MOST_BYTES) {
      say(`${file.name} is too large for an article. Cut it, or use the API.`);
      return;
    }
    const { content, note } = decoded(await file.arrayBuffer());
    put(content);
    say(`Opened ${file.name}${note}.`);
  };

  text.addEventListener("input", () => showLength(text));
  byId("open").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async ({ target }) => {
    if (target.files.length > 0) await take(target.files[0]);
    // Else the same file could not be opened twice.
    target.value = "";
  });
  acceptDrops(byId("compose"), take);
  byId("examples").append(
    element("span", { class: "hint", "aria-hidden": "true" }, "Invented examples"),
    ...EXAMPLES.map((example) =>
      element("button", { type: "button", onclick: () => put(example.text) }, example.name),
    ),
  );
  showLength(text);
}

function acceptDrops(area, take) {
  const holdsFile = (event) => event.dataTransfer.types.includes("Files");
  area.addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    area.classList.add("dropping");
  });
  area.addEventListener("dragleave", () => area.classList.remove("dropping"));
  area.addEventListener("drop", async (event) => {
    area.classList.remove("dropping");
    if (!holdsFile(event)) return;
    event.preventDefault();
    await take(event.dataTransfer.files[0]);
  });
}

/** Old files are often Windows-1252; no such text with an accent in it is UTF-8 by chance. */
function decoded(bytes) {
  try {
    return { content: new TextDecoder("utf-8", { fatal: true }).decode(bytes), note: "" };
  } catch {
    return {
      content: new TextDecoder("windows-1252").decode(bytes),
      note: ", read as Windows-1252 since it is not UTF-8",
    };
  }
}

function showLength(text) {
  // An emoji is one code point and two UTF-16 units: counted apart only where it matters.
  const length = text.value.length > MOST ? Array.from(text.value).length : text.value.length;
  const over = length > MOST ? `, ${number(length - MOST)} too many` : "";
  byId("length").textContent = length === 0 ? "" : `${number(length)} of ${number(MOST)} characters${over}`;
  byId("length").classList.toggle("over", over !== "");
}
