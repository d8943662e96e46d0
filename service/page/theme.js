// A plain script: as a module it would run after the first paint, and the page would flash.
"use strict";

(() => {
  const KEY = "country-relations-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  /** What the reader chose; storage may be switched off. */
  const chosen = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };

  const keep = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // The choice then holds as long as the page.
    }
  };

  let theme = chosen();
  const isDark = () => (theme ?? (system.matches ? "dark" : "light")) === "dark";

  const show = () => {
    if (theme) document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) button.textContent = isDark() ? "Light" : "Dark";
    button?.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  };

  show();
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      theme = isDark() ? "light" : "dark";
      keep(theme);
      show();
    });
  });
})();
