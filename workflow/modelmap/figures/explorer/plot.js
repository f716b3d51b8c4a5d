"use strict";
// The map itself, drawn by plotly from the state.
const MISSING = "#8c8c8c";
// Viridis: even in lightness, also to colour-blind eyes
const SCALE = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779",
  "#6ece58", "#b5de2b", "#fde725"];
const map = byId("map");
let view = null; // ranges {x, y}; null: all

// From least to most, and how far a value lies between them; on a logarithm where the facet is so.
function spread(facet) {
  const known = facet.values.filter((value) => value !== null);
  const low = Math.min(...known), high = Math.max(...known);
  const scale = facet.log ? Math.log : (value) => value;
  const width = scale(high) - scale(low);
  const share = (value) => (width ? (scale(value) - scale(low)) / width : 0.5);
  const middle = facet.log ? Math.sqrt(low * high) : (low + high) / 2;
  return { low, middle, high, share };
}

// Of each model a color, or of numbers a share of the scale
function colors() {
  const facet = facets[state.color];
  if (!facet) return models.map(() => MISSING);
  if (facet.kind === "words") return facet.values.map((value) => facet.colors[value] ?? MISSING);
  const { share } = spread(facet);
  return facet.values.map((value) => (value === null ? MISSING : share(value)));
}

// Fill, line and its width of a marker in a color: thin, thick, hollow or gray, as in the figures,
// where gray is darker: here it stands on dark pages, too.
function outlined(color, kind) {
  const line = ink("--ink"), thin = models.length <= 300 ? 1 : 0.6, wide = 2.4 * thin;
  return [[color, line, thin], [color, line, wide], ["#fff", color, wide],
    [ink("--muted"), color, wide]][kind];
}

function marks(visible, fills) {
  const facet = facets[state.color], kinds = facet?.outlines ?? {};
  return visible.map((i) => outlined(fills[i], kinds[facet?.values[i]] ?? 0));
}

// Plotly's text is nearly HTML.
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (text, most = 48) => {
  const line = text.replace(/\s+/g, " ");
  return line.length > most ? `${line.slice(0, most - 1)}\u2026` : line;
};

function hover(i) {
  const { label, family, recipe } = models[i], facet = facets[state.color];
  const lines = [`<b>${escaped(short(label))}</b>`, escaped(short(`${family}, ${recipe}`))];
  if (facet && !["family", "recipe"].includes(facet.key))
    lines.push(escaped(short(`${facet.name}: ${valueText(facet, i)}`)));
  const near = data.nearest[i][0];
  if (near) lines.push(escaped(short(`nearest: ${models[near[0]].label}, KL ${number(near[1])}`)));
  return lines.join("<br>");
}

function valueText(facet, i) {
  const value = facet.values[i];
  if (value === null) return "not known";
  if (facet.shown) return facet.shown[i];
  return facet.kind === "words" ? value : `${number(value)} ${facet.unit}`.trim();
}

const markerSize = () => (models.length <= 30 ? 14 : models.length <= 100 ? 11
  : models.length <= 300 ? 9 : 7.5);

function traces() {
  const { x, y } = embedding(), visible = models.map((_, i) => i).filter(seen);
  const fills = colors(), at = (list) => ({ x: list.map((i) => x[i]), y: list.map((i) => y[i]) });
  const looks = marks(visible, fills);
  const points = {
    ...at(visible), type: "scatter", mode: "markers", customdata: visible,
    text: visible.map(hover), hovertemplate: "%{text}<extra></extra>",
    marker: {
      color: looks.map(([fill]) => fill), cmin: 0, cmax: 1,
      colorscale: SCALE.map((color, k) => [k / (SCALE.length - 1), color]), opacity: 1, size: markerSize(),
      symbol: visible.map((i) => data.shapes[models[i].recipe].symbol),
      line: { color: looks.map(([, line]) => line), width: looks.map(([, , width]) => width) },
    },
  };
  return [...ellipses(visible, fills), lineage(visible), ...chosen(at), points];
}

function lineage(visible) {
  const { x, y } = embedding(), lines = { x: [], y: [], size: [] };
  for (const child of state.lineage ? visible : []) {
    for (const parent of models[child].parents.filter(seen)) {
      lines.x.push(x[parent], x[child], null);
      lines.y.push(y[parent], y[child], null);
      lines.size.push(0, 8, 0);
    }
  }
  const gray = ink("--muted");
  return {
    x: lines.x, y: lines.y, type: "scatter", mode: "lines+markers", hoverinfo: "skip",
    opacity: 0.55, line: { color: gray, width: 1.2 },
    marker: { symbol: "arrow", angleref: "previous", size: lines.size, color: gray, opacity: 1,
      standoff: markerSize() / 2 + 1, line: { width: 0 } },
  };
}

// One trace per color; of numbers, where each model has its own, one in gray.
function ellipses(visible, fills) {
  const of = embedding().ellipses, byColor = new Map();
  if (!of || !state.ellipses) return [];
  const words = facets[state.color] && facets[state.color].kind === "words";
  for (const i of visible.filter((each) => of[each])) {
    const fill = words ? fills[i] : MISSING, [a, b, c] = of[i];
    if (!byColor.has(fill)) byColor.set(fill, { x: [], y: [] });
    const path = byColor.get(fill);
    for (let step = 0; step <= 36; step++) {
      const [cos, sin] = [Math.cos, Math.sin].map((f) => f((step * Math.PI) / 18));
      path.x.push(embedding().x[i] + a * cos);
      path.y.push(embedding().y[i] + b * cos + c * sin);
    }
    path.x.push(null);
    path.y.push(null);
  }
  return [...byColor].map(([fill, path]) => ({
    ...path, type: "scatter", mode: "lines", fill: "toself", opacity: 0.5, hoverinfo: "skip",
    fillcolor: faint(fill), line: { color: fill, width: 0.7 },
  }));
}

const faint = (hex) => `rgba(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))}, 0.16)`;

// The chosen model with lines to its nearest, which need not be near on the map.
function chosen(at) {
  const some = [state.selected].filter((i) => i !== null && seen(i)), accent = ink("--accent");
  const near = some.flatMap((i) => data.nearest[i].map(([j]) => j).filter(seen));
  const lines = near.flatMap((j) => [at([...some, j]), { x: [null], y: [null] }]);
  const ring = (list, size, width) => ({
    ...at(list), type: "scatter", mode: "markers", hoverinfo: "skip",
    marker: { symbol: "circle-open", size, color: accent, opacity: 1, line: { width } },
  });
  return [
    { x: lines.flatMap((line) => line.x), y: lines.flatMap((line) => line.y), type: "scatter",
      mode: "lines", hoverinfo: "skip", opacity: 0.6, line: { color: accent, width: 1 } },
    ring(near, markerSize() + 6, 1.2),
    ring(some, markerSize() + 11, 3),
  ];
}

function layout() {
  const [x, y] = embedding().axes, text = ink("--ink"), line = ink("--line");
  const axis = (title, range) => ({
    title: { text: escaped(title), font: { size: 13 }, standoff: 8 }, range,
    showticklabels: false, ticks: "", zeroline: false, showgrid: false, mirror: true,
    showline: true, linecolor: line, fixedrange: false,
  });
  const { x: across, y: up } = view ?? whole();
  return {
    xaxis: axis(x, across), yaxis: { ...axis(y, up), scaleanchor: "x" },
    margin: { l: 34, r: 8, t: 8, b: 34 }, showlegend: false, hovermode: "closest", autosize: true,
    dragmode: "pan", hoverdistance: 12, paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: ink("--paper"),
    font: { color: text, family: getComputedStyle(document.body).fontFamily },
    hoverlabel: { bgcolor: ink("--panel"), bordercolor: ink("--muted"), align: "left",
      font: { color: text, size: 13 } },
  };
}

const CONFIG = { displayModeBar: false, scrollZoom: true, doubleClick: false,
  showSendToCloud: false, plotlyServerURL: "", displaylogo: false };

async function draw() {
  if (embedding()) await Plotly.react(map, traces(), layout(), CONFIG);
}

// Views: ranges of both axes.

function whole() {
  const { x, y, ellipses: of } = embedding(), range = (values, reach) => {
    const known = values.filter((value) => value !== null);
    const width = Math.max(...known) - Math.min(...known), room = width * 0.07 || 1;
    // Ellipses that are shown are in view whole, but of giants half the width of the points.
    const beyond = (i) => (of?.[i] && state.ellipses ? Math.min(reach(of[i]), width / 2) : 0);
    const ends = (sign) => values.flatMap((value, i) =>
      (value === null ? [] : [value + sign * beyond(i)]));
    return [Math.min(...ends(-1)) - room, Math.max(...ends(1)) + room];
  };
  return { x: range(x, ([a]) => a), y: range(y, ([, b, c]) => Math.hypot(b, c)) };
}

const middle = ([low, high]) => (low + high) / 2;
const around = (at, width) => [at - width / 2, at + width / 2];
const ranges = () => ({ x: [...map.layout.xaxis.range], y: [...map.layout.yaxis.range] });

async function look(next) {
  const { x, y } = next ?? whole();
  await Plotly.relayout(map, { "xaxis.range": x, "yaxis.range": y });
  view = next; // behind plotly's word of it, which `onMap` takes for a person's
}

function zoom(factor) {
  const { x, y } = ranges();
  const scaled = (range) => around(middle(range), (range[1] - range[0]) * factor);
  return look({ x: scaled(x), y: scaled(y) });
}

// Bring a model into the middle, and of many models into a view of a part.
function center(i) {
  if (!placed(i)) return;
  const now = ranges(), all = whole(), few = models.length <= 60;
  const at = [embedding().x[i], embedding().y[i]];
  const inside = ["x", "y"].every((key, k) => now[key][0] < at[k] && at[k] < now[key][1]);
  if (few && inside) return;
  const [x, y] = ["x", "y"].map((key, k) => {
    const most = few ? Infinity : 0.4 * (all[key][1] - all[key][0]);
    return around(at[k], Math.min(now[key][1] - now[key][0], most));
  });
  look({ x, y });
}

// Another embedding keeps the zoom: around the chosen model, or the middle of what was in view.
function carryView(from, to) {
  if (!view) return;
  const before = embeddings[from], after = embeddings[to], now = ranges();
  const inView = (i) => before.x[i] > now.x[0] && before.x[i] < now.x[1]
    && before.y[i] > now.y[0] && before.y[i] < now.y[1];
  const kept = state.selected !== null ? [state.selected]
    : models.map((_, i) => i).filter((i) => before.x[i] !== null && inView(i));
  const some = kept.filter((i) => after.x[i] !== null);
  state.embedding = from;
  const old = whole();
  state.embedding = to;
  const all = whole();
  const next = (key) => {
    const factor = (now[key][1] - now[key][0]) / (old[key][1] - old[key][0]);
    const values = some.map((i) => after[key][i]).sort((a, b) => a - b);
    const at = values.length ? values[values.length >> 1] : middle(all[key]);
    return around(at, factor * (all[key][1] - all[key][0]));
  };
  view = { x: next("x"), y: next("y") };
}
