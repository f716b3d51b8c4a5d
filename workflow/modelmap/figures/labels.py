"""Names beside points: where a label covers no other label, no marker and no leader line."""

import numpy as np

# What a candidate costs, in points of leader line: covering a label or a marker or leaving the
# frame; a leader through a label; a leader across another, or across a marker. A label that is
# not required is left out where it costs more than the last.
COVERED = 1e5
STRUCK = 600.0
CROSSED = 40.0
AFFORDABLE = 50.0
SWEEPS = 4
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
    """
    # The box masks the lines behind; a stroke around the glyphs would turn text into paths
    mask = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4}
    style = {"fontsize": size, "va": "bottom", "zorder": 4, "bbox": mask}
    texts = [
        axes.text(0, 0, label, color=color, **style)
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
    for _ in range(SWEEPS):
        before = boxes.copy()
        for i, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
            boxes[i] = leaders[i] = np.nan
            candidates, lines = _candidates(anchor, size, gap)
            costs = _costs(candidates, lines, boxes, leaders, obstacles, frame)
            best = costs.argmin()
            if i < required or costs[best] < AFFORDABLE:
                boxes[i], leaders[i] = candidates[best], lines[best]
        if np.array_equal(before, boxes, equal_nan=True):
            break
    return boxes, leaders


def _candidates(anchor, size, gap):
    """Return boxes around a point, near ones first, and the leader line to each."""
    angles = np.deg2rad(np.r_[0, 180, 45, -45, 135, -135, 90, -90, 22.5 + 45 * np.arange(8)])
    toward = np.column_stack([np.cos(angles), np.sin(angles)])
    side = np.clip(np.sqrt(2) * toward, -1, 1)
    distances = gap + size[1] * np.r_[0, np.geomspace(0.4, 14, 13)]
    centers = (anchor + side * size / 2 + distances[:, None, None] * toward).reshape(-1, 2)
    boxes = np.hstack([centers - size / 2, centers + size / 2])
    ends = np.clip(anchor, boxes[:, :2], boxes[:, 2:])
    return boxes, np.hstack([np.broadcast_to(anchor, ends.shape), ends])


def _costs(candidates, lines, boxes, leaders, obstacles, frame):
    boxes, leaders, obstacles = (_near(b, candidates) for b in (boxes, leaders, obstacles))
    covered = _covers(candidates, boxes) + _covers(candidates, obstacles)
    covered += ((candidates[:, :2] < frame[:2]) | (candidates[:, 2:] > frame[2:])).any(axis=1)
    struck = _crosses(lines, _diagonals(boxes))
    struck += _crosses(_diagonals(candidates), leaders).reshape(2, -1).sum(axis=0)
    crossed = _crosses(lines, leaders) + _crosses(lines, _diagonals(obstacles))
    length = np.linalg.norm(lines[:, 2:] - lines[:, :2], axis=1)
    length += TURN * np.arange(len(lines))
    return length + COVERED * covered + STRUCK * struck + CROSSED * crossed


def _near(b, a):
    """Return the boxes or lines of b that one of the boxes of a, or a line in it, may touch."""
    low, high = a[:, :2].min(axis=0) - 1, a[:, 2:].max(axis=0) + 1
    first, last = np.minimum(b[:, :2], b[:, 2:]), np.maximum(b[:, :2], b[:, 2:])
    return b[((first < high) & (last > low)).all(axis=1)]


def _covers(a, b):
    """Return how many boxes of b each box of a overlaps, or nearly does (NaN: none)."""
    apart = np.maximum(a[:, None, :2] - b[:, 2:], b[:, :2] - a[:, None, 2:]).max(axis=2)
    return (apart < 0.5).sum(axis=1)


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
