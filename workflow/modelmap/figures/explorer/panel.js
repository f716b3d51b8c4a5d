"use strict";
// What is known of the chosen model, beside the map; and of none, how to begin.
const link = (i, text = models[i].label) =>
  element("button", { type: "button", className: "link", onclick: () => choose(i) },
    short(text, 80));

function choose(i) {
  update({ selected: i });
  if (i !== null) center(i);
}

const section = (title, ...content) => element("section", {}, element("h3", {}, title), ...content);
const share = (value) => (value > 0 && value < 0.005 ? "< 1 %" : `${Math.round(100 * value)} %`);

function facts(i) {
  const known = facets.filter((facet) => facet.values[i] !== null);
  const rows = known.flatMap((facet) => [
    element("dt", {}, facet.name), element("dd", {}, valueText(facet, i))]);
  return element("dl", {}, ...rows);
}

function relatives(i) {
  const { parents, elsewhere } = models[i];
  const line = (title, list, others = []) => (list.length + others.length
    ? element("p", { className: "kin" }, element("span", {}, title), ...list.map((j) => link(j)),
      ...others.map((name) => element("em", { title: "not on this map" }, name))) : "");
  return [line("Made from", parents, elsewhere), line("Made into", children[i])];
}

const MARKS = {
  noise: ["not told from rounding", "Its interval reaches down to what rounding makes."],
  far: ["far", "Too far to be read as a KL divergence; a distance all the same."],
};

function nearestRow([j, kl, low, high, p, mark], most) {
  const bar = element("i", { className: "bar" });
  bar.style.width = `${Math.max(2, (100 * kl) / most)}%`;
  const interval = low === null || high === null ? "" : `${number(low)} \u2013 ${number(high)}`;
  const [word, why] = MARKS[mark] ?? [];
  const below = element("small", {}, interval, word && interval ? ", " : "",
    word ? element("abbr", { title: why }, word) : "");
  return element("tr", {}, element("td", {}, link(j), bar, below),
    element("td", { className: "number" }, number(kl)),
    element("td", { className: "number" }, p === null ? "" : share(p)));
}

function nearestTable(i) {
  const rows = data.nearest[i];
  if (!rows.length) return section("Nearest models", element("p", {}, "There is no other model."));
  const titles = [["Model, interval", "what KL may be, by other samples"],
    ["KL", "Kullback\u2013Leibler divergence, nats"],
    ["is nearest", "how often it is the nearest when samples are drawn again"]];
  const head = titles.map(([text, title], k) =>
    element("th", { title, className: k ? "number" : "", scope: "col" }, text));
  const most = Math.max(...rows.map((row) => row[1])) || 1;
  return section("Nearest models, KL in nats", element("table", { className: "near" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows.map((row) => nearestRow(row, most)))));
}

// The model whose centered value is larger, as on the map: the raw ones also hold the means.
function sampleItem([at, own, other, difference, part], i, near) {
  const sample = data.samples[at];
  const [more, raw] = difference < 0 ? [near, [other, own]] : [i, [own, other]];
  const item = element("li", {});
  if (sample.image !== null) {
    const alt = `The image of sample ${sample.id}`;
    item.append(element("img", { src: data.images[sample.image], alt }));
  }
  const prompt = sample.prompt ? element("p", { className: "prompt" }, sample.prompt) : "";
  const text = element("p", {}, sample.target ?? `sample ${sample.id}`);
  const verdict = element("p", { className: "verdict" },
    element("b", {}, short(models[more].label, 30)),
    ` ${data.notes.more}, by ${number(Math.abs(difference))} nats beyond their difference in `
    + `${data.notes.beyond} (${raw.map((value) => number(value)).join(" against ")}); `
    + `${share(part)} of the distance`);
  item.append(element("div", {}, prompt, text, verdict));
  return item;
}

function differences(i) {
  if (!data.differing[i]) return "";
  const [near, rows] = data.differing[i], total = rows.reduce((sum, [, , , , part]) => sum + part, 0);
  const lead = element("p", { className: "hint" }, "From its nearest, ", link(near),
    `. In brackets is each model\u2019s ${data.notes.values}, nats. Together `
    + `${share(total)} of the squared distance. ${data.notes.images}`);
  const items = rows.map((row) => sampleItem(row, i, near));
  return section("Differs most on", lead, element("ol", { className: "samples" }, ...items));
}

function provenance(i) {
  const { note, gate, facts: told } = data.origins[i], parts = [];
  if (note) return section("How it was scored", element("p", {}, note));
  if (gate.length) {
    const passed = gate.filter((check) => check[3] === "pass").length;
    const row = ([check, value, limit, verdict]) => element("tr", { className: verdict },
      element("td", {}, check.replaceAll("_", " ")),
      element("td", { className: "number" }, number(value)),
      element("td", { className: "number" }, number(limit)), element("td", {}, verdict));
    const head = ["Check", "value", "limit", ""].map((text, k) =>
      element("th", { className: k % 3 ? "number" : "" }, text));
    parts.push(element("details", { open: passed < gate.length },
      element("summary", {}, `Gate: ${passed} of ${gate.length} checks passed`),
      element("table", {}, element("thead", {}, element("tr", {}, ...head)),
        element("tbody", {}, ...gate.map(row)))));
  }
  const rows = Object.entries(told).flatMap(([key, value]) =>
    [element("dt", {}, key), element("dd", {}, value)]);
  parts.push(element("details", {}, element("summary", {}, "Provenance"),
    element("dl", {}, ...rows)));
  return section("How it was scored", ...parts);
}

function overview() {
  const firsts = data.nearest.flatMap((rows, i) => (rows.length ? [[i, ...rows[0]]] : []));
  const pairs = firsts.filter(([i, j]) => i < j || data.nearest[j][0][0] !== i);
  const closest = pairs.sort((a, b) => a[2] - b[2]).slice(0, 6).map(([i, j, kl]) =>
    element("li", {}, link(i), " and ", link(j), ` ${number(kl)}`));
  const keys = [["/", "search"],
    ["\u2190 \u2191 \u2192 \u2193", "to the next model, with the map in focus"],
    ["+ \u2212 0", "zoom, show all"], ["Esc", "choose none"]];
  return [
    element("h2", {}, "Choose a model"),
    element("p", { className: "hint" }, `${counted}. Click one, `
      + "search one, or begin with those that are nearest to each other:"),
    closest.length ? section("Closest pairs, KL in nats",
      element("ol", { className: "closest" }, ...closest)) : "",
    section("Keys", element("dl", {}, ...keys.flatMap(([key, text]) =>
      [element("dt", {}, element("kbd", {}, key)), element("dd", {}, text)]))),
  ];
}

function drawPanel() {
  const i = state.selected, box = byId("panel"), parts = [];
  const held = box.contains(document.activeElement);
  if (i === null) parts.push(...overview());
  else {
    const { label, model } = models[i];
    const close = element("button", { type: "button", className: "close",
      title: "Choose none (Esc)", "aria-label": "Choose none", onclick: () => choose(null),
    }, "\u00d7");
    const name = model === label ? "" : element("p", { className: "hint" }, model);
    parts.push(close, element("h2", {}, label), name, ...relatives(i), nearestTable(i), differences(i),
      section("About", facts(i)), provenance(i));
  }
  box.replaceChildren(...parts.filter((part) => part !== ""));
  box.scrollTop = 0;
  if (held) box.focus(); // what was pressed there is gone
}

function say() {
  const i = state.selected, near = i === null ? undefined : data.nearest[i][0];
  byId("said").textContent = i === null ? "No model is chosen."
    : `${models[i].label}, family ${models[i].family}, is chosen.`
      + (near ? ` Its nearest is ${models[near[0]].label}, KL ${number(near[1])} nats.` : "");
}
