// Light or dark: as the system has it, until the button says otherwise. Who draws colors itself
// listens for "theme".
(() => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const told = () => document.dispatchEvent(new Event("theme"));
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.style.colorScheme ? root.style.colorScheme === "dark" : system.matches;
    root.style.colorScheme = dark ? "light" : "dark";
    told();
  });
  system.addEventListener("change", told);
})();
