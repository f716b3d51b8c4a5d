"""Names beside points: where a label covers no other label, no marker and no leader line."""

import numpy as np

from modelmap.figures.layout import shortened

# What a candidate costs, in points of leader line: covering a label or a marker or leaving the
# frame; a leader through a label; a leader across another, or across a marker. A label that is
# not required is left out where it costs more than the last.
COVERED = 1e5
STRUCK = 600.0
CROSSED = 40.0
AFFORDABLE = 50.0
SWEEPS = 6
AT_ONCE = 32  # candidates; the cheapest ones first
# Prefers a place to the right, then to the left, where all else is equal
TURN = 0.05


def draw_labels(axes, anchors, labels, colors, *, obstacles, size, marker, required):
    """Write labels beside points, with a thin leader line where a label is not next to its point.

    Parameters
    ----------
    axes : Axes
        With its final limits and place in the figure.
    anchors : ndarray of shape (n_labels, 2)
        The labelled points in data coordinates, the most important first.
    labels, colors : sequence of str
    obstacles : ndarray of shape (n_points, 2)
        All points drawn, in data coordinates.
    size : float
        Font size in points.
    marker : float
        Diameter of a marker in points.
    required : int
        The first so many labels are drawn even where there is no free place; the others not.

    Returns
    -------
    ndarray of bool of shape (n_labels,)
        Which labels are drawn.
    """
    # The box masks the lines behind; a stroke around the glyphs would turn text into paths
    mask = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4}
    style = {"fontsize": size, "va": "bottom", "zorder": 4, "bbox": mask}
    texts = [
        axes.text(0, 0, shortened(label), color=color, **style)
        for label, color in zip(labels, colors, strict=True)
    ]
    pixels = axes.figure.dpi / 72
    inverse = axes.transData.inverted()
    markers = axes.transData.transform(obstacles) / pixels
    boxes, leaders = place(
        axes.transData.transform(anchors) / pixels,
        np.array([text.get_window_extent().size for text in texts]) / pixels,
        np.hstack([markers - marker / 2, markers + marker / 2]),
        axes.bbox.extents / pixels,
        gap=marker / 2 + 1.5,
        required=required,
    )
    for text, box, line in zip(texts, boxes, leaders, strict=True):
        if np.isnan(box).any():
            text.remove()
            continue
        text.set_position(inverse.transform(box[:2] * pixels))
        if np.linalg.norm(line[2:] - line[:2]) > marker / 2 + 3:
            x, y = inverse.transform(line.reshape(2, 2) * pixels).T
            axes.plot(x, y, color="#555555", linewidth=0.4, zorder=2, scalex=False, scaley=False)
    return np.isfinite(boxes).all(axis=1)


def place(anchors, sizes, obstacles, frame, *, gap, required):
    """Choose a box for each label, all in one unit of length.

    One label after the other takes the candidate that costs least given the rest; repeated
    sweeps let early labels make way for later ones. adjustText leaves labels over each other
    (docs/architecture.md has the counts).

    Parameters
    ----------
    anchors, sizes : ndarray of shape (n_labels, 2)
        The labelled points; width and height of the labels. The most important first.
    obstacles : ndarray of shape (n_points, 4)
        Boxes (x0, y0, x1, y1) that no label may cover.
    frame : ndarray of shape (4,)
        The box that every label should lie in.
    gap : float
        Least distance of a label from its point.
    required : int
        The first so many labels get a box in any case.

    Returns
    -------
    boxes, leaders : ndarray of shape (n_labels, 4)
        Corners of the label, and ends of the line that leads to it from its point; a row of NaN
        where there is no free place for a label that is not required.
    """
    boxes = np.full((len(anchors), 4), np.nan)
    leaders = boxes.copy()
    places = [
        _places(anchor, size, gap, obstacles, frame)
        for anchor, size in zip(anchors, sizes, strict=True)
    ]
    for _ in range(SWEEPS):
        before = boxes.copy()
        for i, (candidates, lines, costs) in enumerate(places):
            boxes[i] = leaders[i] = np.nan
            best, cost = _cheapest(candidates, lines, costs, boxes, leaders)
            if i < required or cost < AFFORDABLE:
                boxes[i], leaders[i] = candidates[best], lines[best]
        if np.array_equal(before, boxes, equal_nan=True):
            break
    return boxes, leaders


def _places(anchor, size, gap, obstacles, frame):
    """Candidates, the leader line to each, and what it costs whatever the others do; cheap first.

    Those that cover a marker or leave the frame are kept only where there are no others.
    """
    candidates, lines = _candidates(anchor, size, gap)
    obstacles = _near(obstacles, candidates)
    covered = _covers(candidates, obstacles)
    covered += ((candidates[:, :2] < frame[:2]) | (candidates[:, 2:] > frame[2:])).any(axis=1)
    costs = np.linalg.norm(lines[:, 2:] - lines[:, :2], axis=1) + TURN * np.arange(len(lines))
    costs += COVERED * covered
    free = np.flatnonzero(covered == covered.min())
    costs[free] += CROSSED * _crosses(lines[free], _diagonals(obstacles))
    order = free[np.argsort(costs[free], kind="stable")]
    return candidates[order], lines[order], costs[order]


def _cheapest(candidates, lines, costs, boxes, leaders):
    """The best candidate given the other labels, and its cost; no later one can be cheaper."""
    best, least = 0, np.inf
    for start in range(0, len(costs), AT_ONCE):
        if costs[start] >= least:
            break
        some = slice(start, start + AT_ONCE)
        found = costs[some] + _conflicts(candidates[some], lines[some], boxes, leaders)
        if found.min() < least:
            best, least = start + int(found.argmin()), found.min()
    return best, least


def _candidates(anchor, size, gap):
    """Return boxes around a point, near ones first, and the leader line to each."""
    angles = np.deg2rad(np.r_[0, 180, 45, -45, 135, -135, 90, -90, 22.5 + 45 * np.arange(8)])
    toward = np.column_stack([np.cos(angles), np.sin(angles)])
    side = np.clip(np.sqrt(2) * toward, -1, 1)
    distances = gap + size[1] * np.r_[0, np.geomspace(0.4, 24, 16)]
    centers = (anchor + side * size / 2 + distances[:, None, None] * toward).reshape(-1, 2)
    boxes = np.hstack([centers - size / 2, centers + size / 2])
    ends = np.clip(anchor, boxes[:, :2], boxes[:, 2:])
    return boxes, np.hstack([np.broadcast_to(anchor, ends.shape), ends])


def _conflicts(candidates, lines, boxes, leaders):
    """What candidates cost for the labels, and leader lines of labels, that are there."""
    reach = np.vstack([candidates, lines])
    boxes, leaders = _near(boxes, reach), _near(leaders, reach)
    struck = _crosses(lines, _diagonals(boxes))
    struck += _crosses(_diagonals(candidates), leaders).reshape(2, -1).sum(axis=0)
    crossed = _crosses(lines, leaders)
    return COVERED * _covers(candidates, boxes) + STRUCK * struck + CROSSED * crossed


def _near(b, a):
    """Return the boxes or lines of b that one of the boxes of a, or a line in it, may touch."""
    low = np.minimum(a[:, :2], a[:, 2:]).min(axis=0) - 1
    high = np.maximum(a[:, :2], a[:, 2:]).max(axis=0) + 1
    first, last = np.minimum(b[:, :2], b[:, 2:]), np.maximum(b[:, :2], b[:, 2:])
    return b[((first < high) & (last > low)).all(axis=1)]


def _covers(a, b):
    """Return how many boxes of b each box of a overlaps, or nearly does (NaN: none)."""
    a, b = a.T[:, :, None], b.T[:, None]
    along_x = (a[0] - b[2] < 0.5) & (b[0] - a[2] < 0.5)
    return (along_x & (a[1] - b[3] < 0.5) & (b[1] - a[3] < 0.5)).sum(axis=1)


def _diagonals(boxes):
    """Return all first, then all second diagonals: a line through a box crosses one of the two."""
    return np.vstack([boxes, boxes[:, [0, 3, 2, 1]]])


def _crosses(a, b):
    """Return how many lines of b each line of a crosses (NaN: none)."""
    p, q = a[:, None, :2], a[:, None, 2:]
    r, s = b[None, :, :2], b[None, :, 2:]
    apart = (_side(p, q, r) * _side(p, q, s) < 0) & (_side(r, s, p) * _side(r, s, q) < 0)
    return apart.sum(axis=1)


def _side(a, b, c):
    """Return a number whose sign is the side of the line from a to b that c lies on."""
    u, v = b - a, c - a
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def spread(wanted, gap):
    """Return the places nearest to those wanted that are at least a gap apart, in their order.

    Parameters
    ----------
    wanted : ndarray of shape (n,)
        Ascending.
    gap : float

    Returns
    -------
    ndarray of shape (n,)
        Least squares, by pooling adjacent violators (Ayer et al. 1955).
    """
    steps = gap * np.arange(len(wanted))
    pools = []  # mean and number of those that stand side by side
    for place in wanted - steps:
        pools.append((place, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools.pop(-2), pools.pop()
            pools.append(((n * a + m * b) / (n + m), n + m))
    return np.repeat([place for place, _ in pools], [n for _, n in pools]) + steps
