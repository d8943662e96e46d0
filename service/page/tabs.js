/** A list of tabs: arrow keys move, and only the chosen tab stands in the order of the Tab key. */

/** @param {HTMLElement} list */
export function prepareTabs(list) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const choose = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      panelOf(tab).hidden = tab !== chosen;
    }
  };
  list.addEventListener("click", ({ target }) => tabs.includes(target) && choose(target));
  list.addEventListener("keydown", (event) => {
    const place = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = place
      ? tabs.at((tabs.indexOf(event.target) + place) % tabs.length)
      : { Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    choose(next);
    next.focus();
  });
}
