// Runs before the first paint, so that nobody sees the wrong theme or language for a moment.
(() => {
  const root = document.documentElement;
  const kept = (name, choices) => {
    try {
      const value = localStorage.getItem(name);
      return choices.includes(value) ? value : null;
    } catch {
      return null; // storage is off: what the browser prefers stands
    }
  };
  root.lang = kept("language", ["en", "fr"]) ?? root.lang;
  const theme = kept("theme", ["light", "dark"]);
  if (theme) root.dataset.theme = theme;
})();
