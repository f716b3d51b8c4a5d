"use strict";
// What the page shows. Models, samples and embeddings go by their numbers. All scripts of the page
// share these names; whoever changes the state calls `update`, and everything is drawn from it.
const data = JSON.parse(document.getElementById("data").textContent);
const { models, facets, embeddings } = data;
const byId = (id) => document.getElementById(id);

const drawn = embeddings.flatMap((made, i) => (made.reason === undefined ? [i] : []));
const children = models.map(() => []);
models.forEach((model, i) => model.parents.forEach((parent) => children[parent].push(i)));

const state = {
  embedding: drawn[0], // undefined: there is none
  color: 0, // a facet
  hidden: new Set(), // values of it; null stands for what is missing
  selected: null,
  names: true,
  lineage: models.length <= 150,
  ellipses: models.length <= 60,
};

const shown = (i) => !state.hidden.has(valueOf(facets[state.color], i));
const valueOf = (facet, i) => (facet && facet.kind === "words" ? facet.values[i] : 0);
const embedding = () => embeddings[state.embedding];
const placed = (i) => embedding() && embedding().x[i] !== null;
const seen = (i) => placed(i) && shown(i);

const counted = `${models.length.toLocaleString("en")} model${models.length === 1 ? "" : "s"}`;

const renderers = []; // functions of the changes
function update(changes) {
  Object.assign(state, changes);
  if ("color" in changes) state.hidden = new Set();
  writeAddress();
  renderers.forEach((render) => render(changes));
}

// A view can be passed on: what is chosen stands behind the # of the address.
function writeAddress() {
  const told = new URLSearchParams();
  if (state.selected !== null) told.set("model", models[state.selected].model);
  if (embedding()) told.set("embedding", embedding().name);
  if (facets[state.color]) told.set("color", facets[state.color].key);
  history.replaceState(null, "", `#${told}`);
}

function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const at = (list, key, wanted) => list.findIndex((item) => item[key] === told.get(wanted));
  const model = at(models, "model", "model"), color = at(facets, "key", "color");
  const method = at(embeddings, "name", "embedding");
  const found = { selected: model >= 0 ? model : null };
  if (color >= 0 && color !== state.color) found.color = color;
  if (drawn.includes(method)) found.embedding = method;
  return found;
}

// Elements are made of text, never of HTML: names come from data.
function element(tag, properties = {}, ...content) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && !key.includes("-")) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...content.filter((part) => part !== null && part !== ""));
  return made;
}

// Three significant digits
function number(value) {
  if (value === null || value === undefined) return "\u2013";
  const size = Math.abs(value);
  const extreme = size && (size < 1e-3 || size >= 1e9);
  const text = extreme ? value.toExponential(2) : value.toLocaleString("en",
    { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  return text.replace("-", "\u2212");
}

// What the style sheet says as light-dark(…) the browser has resolved where it is used as a color.
function ink(name) {
  const probe = byId("said");
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
