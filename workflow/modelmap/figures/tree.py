"""The tree of models, as rows: each model where its branch ends."""

import matplotlib
import numpy as np
import polars as pl
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from modelmap.figures.labels import spread
from modelmap.figures.layout import (
    COLUMN,
    HIGHEST,
    PAGE,
    absence,
    draw_legend,
    draw_note,
    fit,
    new_figure,
    shortened,
)
from modelmap.figures.points import (
    draw_legends,
    draw_points,
    join,
    look,
    marker_size,
    some_of_each,
)
from modelmap.figures.style import INK, edge, theme

NARROW = 60  # models; more need the width of a page
ROWS = 0.105, 0.078  # inches: of so few models, of more
NAMED = 300  # models; of more, some are named, on a figure as high as a page
FONTS = 6, 5  # points
SUPPORT = {0.95: INK, 0.7: "#8C8C8C", 0.0: "white"}  # least share of resamples: fill


def tree_figure(nodes, models, *, note):
    """Draw a rooted tree from left to right, smaller branches above larger ones.

    Parameters
    ----------
    nodes : DataFrame
        Columns node, parent (null: the root), model (null: an inner node), length (nats²), support
        (share of resamples, null where there is none).
    models : DataFrame
        Columns model, label, family, recipe; only the first must be there.
    note : str
        How it was made, or why there is no tree; stands below it.

    Returns
    -------
    figure : Figure
        As high as the models need, for each has a row; of more than NAMED models as high as a page,
        and with some names of each family. Without any node it is the note.
    drawn : DataFrame
        Columns node, parent, model, label, family, recipe, length_nats2, support, and where it is
        drawn: x (nats²), row.
    """
    if nodes.is_empty():
        with matplotlib.rc_context(theme()):
            return absence(note), _data(nodes, [], [], models)
    x, y = _place(nodes)
    at = nodes.with_columns(x=pl.Series(x), y=pl.Series(y))
    points = join(at.filter(pl.col("model").is_not_null()), models).sort("y")
    colors, markers = look(points, models)
    small = points.height > NARROW
    width = PAGE if small else COLUMN
    if points.height > NAMED:
        note += f". Of {points.height:,} models some are named: tree.tsv has all"
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        axes = panels[0, 0]
        axes.add_collection(LineCollection(_lines(at), color="#888888", linewidth=0.6, zorder=1))
        draw_points(axes, points, colors, markers, scale=0.8)
        below = draw_legends(figure, colors, markers, across=width)
        if support := _draw_support(axes, at):
            below.append(draw_legend(figure, support, "Support", across=width))
        axes.set(ylim=(points.height - 0.4, -0.6), yticks=[])
        axes.set_xlabel("squared distance from the midpoint (nats²)")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
        axes.spines["left"].set_visible(False)
        axes.set_xlim(left=0)
        high = min(ROWS[small] * points.height, HIGHEST - 1.6 if points.height > NAMED else np.inf)
        _name(axes, points, colors, FONTS[small], room=72 * high / FONTS[small] / 1.3)
        below.append(draw_note(figure, note, width))
        fit(figure, panels, width, height=max(high, 0.5), below=below)
    return figure, _data(nodes, x, y, models)


def _data(nodes, x, y, models):
    rows = join(nodes.filter(pl.col("model").is_not_null()), models)
    told = rows.select("node", "label", "family", "recipe")
    places = {"x": pl.Series(x, dtype=pl.Float64), "row": pl.Series(y, dtype=pl.Float64)}
    return nodes.join(told, on="node", how="left", maintain_order="left").select(
        *("node", "parent", "model", "label", "family", "recipe"),
        pl.col("length").alias("length_nats2"),
        "support",
        **places,
    )


def _name(axes, points, colors, size, room):
    """Write names where branches end; where there is no room for all, some in a column beside."""
    chosen = list(range(points.height))
    if points.height > NAMED:
        chosen = some_of_each(points["family"], int(room))
    places = spread(np.array(chosen, dtype=float), points.height / room)
    right = axes.get_xlim()[1] * 1.02
    away = marker_size(points.height) / 2 + 1.5
    for place, row in zip(places, points[chosen].iter_rows(named=True), strict=True):
        at = (row["x"], row["y"])
        if len(chosen) < points.height:
            at = (right, place)
            line = ([row["x"], 0.99 * right, right], [row["y"], row["y"], place])
            axes.plot(*line, color="#DDDDDD", linewidth=0.4, zorder=0, clip_on=False, scalex=False)
        style = {"va": "center", "fontsize": size, "annotation_clip": False}
        style["color"] = edge(colors[row["family"]])
        axes.annotate(shortened(row["label"]), at, (away, 0), textcoords="offset points", **style)


def _place(nodes):
    """Distance from the root, and row, of each node; an inner one between its outer children."""
    parents = dict(nodes.select("node", "parent").iter_rows())
    length = dict(nodes.select("node", "length").iter_rows())
    children = {node: [] for node in parents}
    for node, parent in parents.items():
        if parent is not None:
            children[parent].append(node)
    (root,) = [node for node, parent in parents.items() if parent is None]
    x, order = {root: 0.0}, [root]
    for node in order:  # grows while it is read: parents before children
        for child in children[node]:
            x[child] = x[node] + length[child]
            order.append(child)
    leaves = {}
    for node in reversed(order):
        leaves[node] = sum(leaves[child] for child in children[node]) or 1
    first, y = {root: 0}, {}
    for node in order:
        row = first[node]
        for child in sorted(children[node], key=leaves.get):
            first[child], row = row, row + leaves[child]
        children[node].sort(key=leaves.get)
    for node in reversed(order):
        some = children[node]
        y[node] = (y[some[0]] + y[some[-1]]) / 2 if some else float(first[node])
    return [x[node] for node in nodes["node"]], [y[node] for node in nodes["node"]]


def _lines(at):
    """A line along each branch, from the height of its parent."""
    where = {node: (x, y) for node, x, y in at.select("node", "x", "y").iter_rows()}
    return [
        [(where[parent][0], where[parent][1]), (where[parent][0], y), (x, y)]
        for parent, x, y in at.select("parent", "x", "y").iter_rows()
        if parent is not None
    ]


def _draw_support(axes, at):
    """Mark inner nodes by how often they return; return the marks, for a legend."""
    known = at.filter(pl.col("support").is_not_null())
    most, handles = np.inf, []
    for least, color in SUPPORT.items() if known.height else []:
        some = known.filter((pl.col("support") >= least) & (pl.col("support") < most))
        label = f"≥ {100 * least:.0f} %" if least else f"< {100 * most:.0f} %"
        style = {"markerfacecolor": color, "markeredgecolor": INK, "markeredgewidth": 0.5}
        style |= {"marker": "o", "markersize": 2.8, "linestyle": ""}
        axes.plot(some["x"], some["y"], zorder=2, scaley=False, **style)
        handles.append(Line2D([], [], label=label, **style))
        most = least
    return handles
