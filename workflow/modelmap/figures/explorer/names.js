"use strict";
// Names on the map: as many as find room, those that tell most first. They lie above the plot.
// Pixels; characters; how many names there are at least, before they cover points and then
const NAME = { font: 12, most: 26, least: 30, few: 12 };
const ruler = document.createElement("canvas").getContext("2d");

// Boxes [left, top, right, bottom], in pixels
const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function nameOrder() {
  const i = state.selected, first = i === null ? [] : [i, ...data.nearest[i].map(([j]) => j)];
  const rest = models.map((_, j) => j);
  return [...new Set([...first, ...embedding().first, ...rest])];
}

function places([x, y], width, gap) {
  const high = NAME.font * 1.25;
  return [
    [x + gap, y - high / 2], [x - gap - width, y - high / 2],
    [x - width / 2, y - gap - high], [x - width / 2, y + gap],
    [x + gap * 0.7, y - gap * 0.7 - high], [x + gap * 0.7, y + gap * 0.7],
    [x - gap * 0.7 - width, y - gap * 0.7 - high], [x - gap * 0.7 - width, y + gap * 0.7],
  ].map(([left, top]) => [left, top, left + width, top + high]);
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
  const { at, frame } = pixels(), half = markerSize() / 2 + 1, named = new Map();
  const [left, top, right, bottom] = frame;
  const within = (a) => a[0] >= left && a[1] >= top && a[2] <= right && a[3] <= bottom;
  const markers = at.map((p) => p && [p[0] - half, p[1] - half, p[0] + half, p[1] + half]);
  const room = ((right - left) * (bottom - top)) / 9000;
  const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = byId("zoom");
  const over = offsetTop - map.offsetTop;
  const buttons = [offsetLeft, over, offsetLeft + offsetWidth, over + offsetHeight];
  const all = [buttons, ...markers.filter(Boolean)], most = Math.max(NAME.least, room);
  const passes = [[most, 2, all], [NAME.least, 16, all], [NAME.few, 2, [buttons]]];
  for (const [limit, gap, obstacles] of passes) {
    for (const i of nameOrder()) {
      if (named.size >= limit) break;
      if (named.has(i) || !at[i] || !within(markers[i])) continue;
      const is = i === state.selected, text = short(models[i].label, NAME.most);
      const width = ruler.measureText(text).width + 2;
      const boxes = places(at[i], width, half + gap + (is ? 5 : 0)).filter(within);
      const free = boxes.find((box) => ![...obstacles, ...named.values()]
        .some((other) => meet(box, other.box ?? other)));
      const box = free ?? (is ? boxes[0] : undefined); // the chosen one is named in any case
      if (box) named.set(i, { box, text, is });
    }
  }
  return [...named.values()];
}

function placeNames() {
  const box = byId("names");
  if (!map._fullLayout || !embedding() || !state.names) return box.replaceChildren();
  ruler.font = `${NAME.font}px ${getComputedStyle(document.body).fontFamily}`;
  box.replaceChildren(...fit().map(({ box: [left, top], text, is }) => {
    const name = element("span", { className: is ? "chosen" : "" }, text);
    name.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
    return name;
  }));
}
