"use strict";
// Search, choices, keys, and the start.
const MATCHES = 12; // shown of a search
const LAYERS = { names: "Names", lineage: "Lineage", ellipses: "Ellipses" };
const searched = models.map((m) => [m.label, m.model, m.family].join("\n").toLowerCase());
let matches = [], active = 0;

function findMatches(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const rank = (i) => (models[i].label.toLowerCase().startsWith(words[0]) ? 0 : 1);
  return models.map((_, i) => i).filter((i) => words.every((word) => searched[i].includes(word)))
    .sort((a, b) => rank(a) - rank(b));
}

function drawMatches() {
  const box = byId("matches"), field = byId("search"), text = field.value.trim();
  const option = (i, k) => element("li", { role: "option", id: `match-${k}`,
    "aria-selected": String(k === active), onpointerdown: (event) => {
      event.preventDefault();
      take(i);
    } }, element("span", {}, models[i].label), element("small", {}, models[i].family));
  const rest = matches.length - MATCHES;
  const more = rest > 0 ? `and ${rest} more` : text && !matches.length ? "no such model" : "";
  box.replaceChildren(...matches.slice(0, MATCHES).map(option),
    ...(more ? [element("li", { className: "hint", role: "presentation" }, more)] : []));
  box.hidden = !text;
  field.setAttribute("aria-expanded", String(!box.hidden));
  field.setAttribute("aria-activedescendant", matches.length ? `match-${active}` : "");
}

function take(i) {
  byId("search").value = "";
  matches = [];
  drawMatches();
  choose(i);
}

function search() {
  const field = byId("search");
  const again = () => {
    [matches, active] = [findMatches(field.value), 0];
    drawMatches();
  };
  field.addEventListener("input", again);
  field.addEventListener("focus", again);
  field.addEventListener("blur", () => (byId("matches").hidden = true));
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const n = Math.min(matches.length, MATCHES);
    if (step && n) active = (active + step + n) % n;
    else if (event.key === "Enter" && n) return event.preventDefault(), take(matches[active]);
    else if (event.key === "Escape") [field.value, matches] = ["", []];
    else return;
    event.preventDefault();
    event.stopPropagation();
    drawMatches();
  });
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
}

function choices() {
  const color = byId("color");
  const scores = element("optgroup", { label: "Benchmarks" });
  facets.forEach((facet, i) => {
    const unit = facet.unit ? ` (${facet.unit})` : "";
    const option = element("option", { value: String(i) }, facet.name + unit);
    (facet.key.startsWith("benchmark:") ? scores : color).append(option);
  });
  if (scores.children.length) color.append(scores);
  color.addEventListener("change", () => update({ color: Number(color.value) }));
  embeddings.forEach(({ name, reason }, i) => {
    const input = element("input", { type: "radio", name: "embedding", value: String(i),
      disabled: reason !== undefined, onchange: () => update({ embedding: i }) });
    const label = element("label", { title: reason ?? "" }, input, element("span", {}, name));
    byId("embeddings").append(label);
  });
  for (const [key, text] of Object.entries(LAYERS)) {
    const input = element("input", { type: "checkbox", id: `show-${key}`,
      onchange: (event) => update({ [key]: event.target.checked }) });
    byId("layers").append(element("label", {}, input, element("span", {}, text)));
  }
}

function drawControls() {
  byId("color").value = String(state.color);
  for (const input of byId("embeddings").querySelectorAll("input"))
    input.checked = Number(input.value) === state.embedding;
  for (const key in LAYERS) byId(`show-${key}`).checked = state[key];
  const none = !models.some((model) => model.parents.length);
  byId("show-lineage").disabled = none;
  byId("show-lineage").parentElement.title = none ? "No model of this map was made from another."
    : "Arrows lead from a model to what was made from it.";
  const without = !embedding()?.ellipses;
  byId("show-ellipses").disabled = without;
  byId("show-ellipses").parentElement.title = without ? "This map has none."
    : "Where a model would stand had other samples been drawn.";
  const local = ["t-SNE", "UMAP"].includes(embedding()?.name)
    && "Distances between far groups mean little; the panel has the measured ones.";
  byId("note").textContent = [embedding()?.note, local].filter(Boolean).join(". ");
}

// The nearest model that lies in the direction of an arrow
function neighbor(dx, dy) {
  const { x, y, first } = embedding(), i = state.selected;
  if (i === null || !placed(i)) return first.find(shown);
  let best, least = Infinity;
  for (let j = 0; j < models.length; j++) {
    if (j === i || !seen(j)) continue;
    const [a, b] = [x[j] - x[i], y[j] - y[i]];
    const along = a * dx + b * dy, aside = Math.abs(a * dy - b * dx);
    if (along > 0 && aside <= along && along + aside < least) [best, least] = [j, along + aside];
  }
  return best;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": 0.7, "=": 0.7, "-": 1 / 0.7 };

function onKey(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = target.matches("input, select, textarea");
  const free = target === document.body || map.contains(target);
  if (key === "/" && !typing) byId("search").focus();
  else if (key === "Escape") choose(null);
  else if (!embedding() || !free) return;
  else if (key in ARROWS && map.contains(target)) { // elsewhere they scroll the page
    const next = neighbor(...ARROWS[key]);
    if (next !== undefined) choose(next);
  } else if (key in ZOOMS) zoom(ZOOMS[key]);
  else if (key === "0") look(null);
  else return;
  event.preventDefault();
}

// The same as text: every model in a table, made when it is asked for.
function modelTable() {
  const cell = (content, className = "") => element("td", { className }, content);
  const row = (i) => {
    const { family, recipe } = models[i], [near] = data.nearest[i];
    return element("tr", {}, cell(link(i)), cell(short(family, 80)), cell(short(recipe, 80)),
      cell(near ? link(near[0]) : "\u2013"), cell(near ? number(near[1]) : "\u2013", "number"));
  };
  const order = models.map((_, i) => i).sort((a, b) =>
    models[a].family.localeCompare(models[b].family)
    || models[a].label.localeCompare(models[b].label));
  const head = ["Model", "Family", "Recipe", "Nearest", "KL, nats"].map((text, k) =>
    element("th", { scope: "col", className: k === 4 ? "number" : "" }, text));
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...order.map(row)));
}

function list() {
  const box = byId("list");
  box.querySelector("summary").textContent = `${counted} as a table`;
  box.addEventListener("toggle", () => {
    if (!box.open || box.querySelector("table")) return;
    box.append(element("div", { className: "wide" }, modelTable()));
  });
}

function onMap() {
  map.on("plotly_click", ({ points }) => {
    const point = points.find(({ customdata }) => customdata !== undefined);
    if (point) update({ selected: point.customdata });
  });
  map.on("plotly_relayout", (changes) => {
    if (Object.keys(changes).some((key) => key.includes("range"))) view = ranges();
  });
  map.on("plotly_doubleclick", () => look(null));
  map.on("plotly_relayouting", placeNames);
  new ResizeObserver(() => requestAnimationFrame(() => Plotly.Plots.resize(map))).observe(map);
  map.on("plotly_afterplot", placeNames);
  const [more, less, all] = byId("zoom").children;
  more.addEventListener("click", () => zoom(0.7));
  less.addEventListener("click", () => zoom(1 / 0.7));
  all.addEventListener("click", () => look(null));
}

async function start() {
  choices();
  search();
  list();
  Object.assign(state, readAddress());
  let last = state.embedding;
  renderers.push(drawControls, (changes) => {
    if (!("selected" in changes) || Object.keys(changes).length > 1) drawLegend();
  }, (changes) => {
    if (!("selected" in changes)) return;
    drawPanel();
    say();
  }, () => {
    if (last !== state.embedding) carryView(last, state.embedding);
    last = state.embedding;
    draw();
  });
  drawControls();
  drawLegend();
  drawPanel();
  if (embedding()) {
    await draw();
    onMap();
    placeNames();
    if (state.selected !== null) center(state.selected);
  } else document.body.classList.add("bare");
  document.addEventListener("keydown", onKey);
  document.addEventListener("theme", draw);
  addEventListener("hashchange", () => update(readAddress()));
  matchMedia("print").addEventListener("change", draw);
  document.body.dataset.ready = String(Math.round(performance.now()));
}

start();
