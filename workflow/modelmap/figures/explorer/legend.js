"use strict";
// The legend: what colors and shapes mean. Words are buttons that hide and show their models.
const SVG = "http://www.w3.org/2000/svg";

function swatch(path, color, kind = 0) {
  const svg = document.createElementNS(SVG, "svg"), shape = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "-1.2 -1.2 2.4 2.4");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", path);
  const [fill, stroke] = outlined(color, kind);
  Object.assign(shape.style, { fill, stroke, strokeWidth: kind ? 0.36 : 0.15 });
  svg.append(shape);
  return svg;
}

const CIRCLE = "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0Z";
const shapeOf = (facet, value) => (facet.key === "recipe" && data.shapes[value]?.path) || CIRCLE;
const countOf = (values) => values.reduce((n, v) => n.set(v, (n.get(v) ?? 0) + 1), new Map());

function wordEntries(facet) {
  const counts = countOf(facet.values), values = Object.keys(facet.colors);
  values.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (counts.has(null)) values.push(null);
  const toggle = (value) => {
    const hidden = new Set(state.hidden);
    if (!hidden.delete(value)) hidden.add(value);
    update({ hidden });
  };
  const alone = (value) => update({ hidden: new Set(values.filter((other) => other !== value)) });
  const entry = (value) => element("button", {
    type: "button", "aria-pressed": String(!state.hidden.has(value)),
    "data-value": value ?? "", title: "Click: hide or show. Double click: alone.",
    onclick: () => toggle(value), ondblclick: () => alone(value),
  }, swatch(shapeOf(facet, value), facet.colors[value] ?? MISSING, facet.outlines[value]),
  element("span", {}, value ?? "missing"), element("small", {}, String(counts.get(value))));
  return [values, element("div", { className: "entries" }, ...values.map(entry))];
}

function wordLegend(facet) {
  const [values, entries] = wordEntries(facet);
  const all = (text, hidden) => element("button", {
    type: "button", className: "link", onclick: () => update({ hidden: new Set(hidden) }),
  }, text);
  const choices = element("span", { className: "all" }, all("all", []), all("none", values));
  return [element("h2", {}, facet.name, values.length > 1 ? choices : ""), entries];
}

function numberLegend(facet) {
  const { low, middle: half, high } = spread(facet), missing = facet.values.includes(null);
  const text = (value) => (facet.shown ? facet.shown[facet.values.indexOf(value)] : number(value));
  const bar = element("div", { className: "bar", role: "img",
    "aria-label": `from ${text(low)} to ${text(high)} ${facet.unit}` });
  bar.style.background = `linear-gradient(to right, ${SCALE.join()})`;
  const ends = low === high ? [low] : facet.shown ? [low, high] : [low, half, high];
  const ticks = element("div", { className: "ticks" },
    ...ends.map((value) => element("span", {}, text(value))));
  const unit = [facet.unit, facet.log ? "logarithmic" : ""].filter(Boolean).join(", ");
  return [element("h2", {}, facet.name), element("small", {}, unit), bar, ticks,
    missing ? element("p", { className: "entry" }, swatch(CIRCLE, MISSING), "missing") : ""];
}

function shapeLegend() {
  const shapes = Object.entries(data.shapes);
  if (shapes.length < 2) return [];
  const entry = ([recipe, { path }]) => element("p", { className: "entry" },
    swatch(path, "transparent"), element("span", {}, recipe));
  return [element("h2", {}, "Recipe"),
    element("div", { className: "entries" }, ...shapes.map(entry))];
}

function drawLegend() {
  const facet = facets[state.color], box = byId("legend");
  const focused = document.activeElement?.closest?.("#legend [data-value]")?.dataset.value;
  const parts = !facet ? [] : facet.kind === "words" ? wordLegend(facet) : numberLegend(facet);
  const both = [parts, facet?.key === "recipe" ? [] : shapeLegend()].filter((some) => some.length);
  box.replaceChildren(...both.map((some) => element("div", {}, ...some)));
  const again = [...box.querySelectorAll("[data-value]")].find((b) => b.dataset.value === focused);
  if (focused !== undefined && again) again.focus();
}
