// The table of contents follows the reader; what is folded opens for print.
(() => {
  const links = new Map();
  document.querySelectorAll("nav a").forEach((a) => links.set(a.hash.slice(1), a));
  const heads = [...document.querySelectorAll("main :is(h2, h3)[id]")];
  const mark = () => {
    const passed = heads.filter((head) => head.getBoundingClientRect().top < 60);
    const at = links.get((passed.at(-1) ?? heads[0])?.id);
    if (!at || at.hasAttribute("aria-current")) return;
    links.forEach((a) => a.removeAttribute("aria-current"));
    at.setAttribute("aria-current", "location");
    const list = at.closest("details"), { top, bottom } = at.getBoundingClientRect();
    const frame = list.getBoundingClientRect();
    if (list.scrollHeight > list.clientHeight && (top < frame.top || bottom > frame.bottom))
      list.scrollTop += top - frame.top - frame.height / 2;
  };
  let waiting = false;
  const later = () => {
    waiting ||= (requestAnimationFrame(() => { waiting = false; mark(); }), true);
  };
  addEventListener("scroll", later, { passive: true });
  mark();
  if (!matchMedia("(min-width: 70rem)").matches) document.querySelector("nav details").open = false;
  addEventListener("beforeprint", () => {
    document.querySelectorAll("main details").forEach((part) => { part.open = true; });
  });
})();
