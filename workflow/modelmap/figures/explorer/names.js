"use strict";
// Names on the map: as many as find room, those that tell most first. They lie above the plot, and
// lines lead to those that are away from their points.
// Pixels; characters; how many names there are at least, before they cover points and then; gaps
// to a point where there is no room beside it
const NAME = { font: 12, most: 26, least: 30, few: 12, gaps: [16, 28, 44, 64, 90, 120] };
const ruler = document.createElement("canvas").getContext("2d");

// Boxes [left, top, right, bottom], in pixels
const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function nameOrder() {
  const i = state.selected, first = i === null ? [] : [i, ...data.nearest[i].map(([j]) => j)];
  const rest = models.map((_, j) => j);
  return [...new Set([...first, ...embedding().first, ...rest])];
}

// Beside, above and below, at the corners, and between these, in sixteenths of a turn
const TURNS = [0, 8, 12, 4, 14, 2, 10, 6, 15, 1, 9, 7, 13, 11, 3, 5];

function places([x, y], width, gap) {
  const high = NAME.font * 1.25, side = (share) => Math.max(-1, Math.min(1, 1.5 * share));
  return TURNS.map((turn) => [Math.cos, Math.sin].map((of) => of((turn * Math.PI) / 8)))
    .map(([cos, sin]) => [x + gap * cos + (width * (side(cos) - 1)) / 2,
      y + gap * sin + (high * (side(sin) - 1)) / 2])
    .map(([left, top]) => [left, top, left + width, top + high]);
}

// Small boxes along the line from a point to a name that is farther away than near; else none.
// Only where there is no other room they meet names, which lie above them, and each other.
function leader([x, y], [left, top, right, bottom], near) {
  const dx = Math.min(Math.max(x, left), right) - x, dy = Math.min(Math.max(y, top), bottom) - y;
  const far = Math.hypot(dx, dy), n = far > near ? Math.ceil(far / 4) : 0;
  return Array.from({ length: n }, (_, k) => [x + (dx * (k + 1)) / n, y + (dy * (k + 1)) / n])
    .map(([a, b]) => [a - 2, b - 2, a + 2, b + 2]);
}

// Where points are on the screen, and the part of it that shows any
function pixels() {
  const { _size: { l, t, w, h }, xaxis, yaxis } = map._fullLayout, { x, y } = embedding();
  const at = models.map((_, i) => (seen(i)
    ? [l + xaxis.c2p(x[i]), t + yaxis.c2p(y[i])] : null));
  return { at, frame: [l, t, l + w, t + h] };
}

// Boxes of names, nearest to their points first; where few find room some may cover points.
function fit() {
  const { at, frame } = pixels(), half = markerSize() / 2 + 1, named = new Map(), taken = [], lines = [];
  const [left, top, right, bottom] = frame;
  const within = (a) => a[0] >= left && a[1] >= top && a[2] <= right && a[3] <= bottom;
  const markers = at.map((p) => p && [p[0] - half, p[1] - half, p[0] + half, p[1] + half]);
  const room = ((right - left) * (bottom - top)) / 9000;
  const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = byId("zoom");
  const over = offsetTop - map.offsetTop;
  const buttons = [offsetLeft, over, offsetLeft + offsetWidth, over + offsetHeight];
  const all = [buttons, ...markers.filter(Boolean)], most = Math.max(NAME.least, room);
  const passes = [[most, 2, all], ...[false, true].flatMap((crossing) =>
    NAME.gaps.map((gap) => [NAME.least, gap, all, crossing])), [NAME.few, 2, [buttons]]];
  const meets = (box, others) => others.some((other) => meet(box, other));
  for (const [limit, gap, obstacles, crossing] of passes) {
    for (const i of nameOrder()) {
      if (named.size >= limit) break;
      if (named.has(i) || !at[i] || !within(markers[i])) continue;
      const is = i === state.selected, text = short(models[i].label, NAME.most);
      const width = ruler.measureText(text).width + 2;
      const boxes = places(at[i], width, half + gap + (is ? 5 : 0)).filter(within);
      const line = (box) => leader(at[i], box, half + 8);
      const free = boxes.find((box) => !meets(box, [...obstacles, ...taken])
        && (crossing || ![box, ...line(box)].some((part) => meets(part, [...taken, ...lines]))));
      const box = free ?? (is ? boxes[0] : undefined); // the chosen one is named in any case
      if (!box) continue;
      taken.push(box);
      lines.push(...line(box));
      named.set(i, { box, text, is, from: at[i], to: line(box).at(-1) });
    }
  }
  return [...named.values()];
}

function placeNames() {
  const box = byId("names");
  if (!map._fullLayout || !embedding() || !state.names) return box.replaceChildren();
  ruler.font = `${NAME.font}px ${getComputedStyle(document.body).fontFamily}`;
  const names = fit(), lines = document.createElementNS(SVG, "svg");
  lines.append(document.createElementNS(SVG, "path"));
  lines.firstChild.setAttribute("d", names.filter(({ to }) => to)
    .map(({ from, to }) => `M${from}L${to[0] + 2} ${to[1] + 2}`).join(""));
  box.replaceChildren(lines, ...names.map(({ box: [left, top], text, is }) => {
    const name = element("span", { className: is ? "chosen" : "" }, text);
    name.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
    return name;
  }));
}
