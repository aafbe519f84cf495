// Light or dark as the system says, until the person chooses; loaded before the page is painted.
"use strict";

(() => {
  const KEY = "prefline.theme";
  const root = document.documentElement;
  const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be switched off: then the choice lasts as long as the page
    }
  }

  function remember(theme) {
    try {
      if (theme) localStorage.setItem(KEY, theme);
      else localStorage.removeItem(KEY);
    } catch {
      // see above
    }
  }

  function apply(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  function toggle() {
    const system = systemIsDark.matches ? "dark" : "light";
    const shown = root.dataset.theme ?? system;
    const wanted = shown === "dark" ? "light" : "dark";
    // Back to what the system says means: follow the system again.
    const theme = wanted === system ? null : wanted;
    remember(theme);
    apply(theme);
  }

  apply(chosen());
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", toggle);
  });
})();
