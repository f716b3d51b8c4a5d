"use strict";
// Names on the map: as many as find room, those that tell most first. They lie above the plot.
const NAME = { font: 12, most: 26 }; // pixels; characters
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

function placeNames() {
  const box = byId("names"), { _fullLayout: full } = map;
  if (!full || !embedding() || !state.names) return box.replaceChildren();
  const { l, t, w, h } = full._size, gap = markerSize() / 2 + 3;
  const frame = [l, t, l + w, t + h];
  const within = (a) => a[0] >= frame[0] && a[1] >= frame[1] && a[2] <= frame[2] && a[3] <= frame[3];
  const at = models.map((_, i) => (placed(i) && shown(i)
    ? [l + full.xaxis.c2p(embedding().x[i]), t + full.yaxis.c2p(embedding().y[i])] : null));
  const half = markerSize() / 2 + 1;
  const markers = at.map((p) => p && [p[0] - half, p[1] - half, p[0] + half, p[1] + half]);
  ruler.font = `${NAME.font}px ${getComputedStyle(document.body).fontFamily}`;
  const taken = markers.filter(Boolean), found = [];
  const most = Math.max(30, (w * h) / 9000);
  for (const i of nameOrder()) {
    if (found.length >= most) break;
    if (!at[i] || !within(markers[i])) continue;
    const text = short(models[i].label, NAME.most), width = ruler.measureText(text).width + 2;
    const is = i === state.selected, inFrame = places(at[i], width, is ? gap + 5 : gap).filter(within);
    const free = inFrame.find((place) => !taken.some((other) => meet(place, other)))
      ?? (is ? inFrame[0] : undefined); // the chosen one is named in any case
    if (!free) continue;
    taken.push(free);
    found.push({ text, left: free[0], top: free[1], is });
  }
  box.replaceChildren(...found.map(({ text, left, top, is }) => {
    const name = element("span", { className: is ? "chosen" : "" }, text);
    name.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
    return name;
  }));
}
