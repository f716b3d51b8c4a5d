"""The tree of models, as rows: each model where its branch ends."""

from textwrap import fill

import matplotlib
import numpy as np
import polars as pl
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from modelmap.figures.points import draw_legend, draw_points, join, look, marker_size
from modelmap.figures.style import INK, edge, theme

WIDTH = 4.6
ROW = 0.145  # inches
NAMED = 1200  # models; of more, rows are thinner and have no names: no page is longer
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
    Figure
        Which grows with the number of models, for each has a row; of more than NAMED models as long
        as that of so many, and without names. Without any node it is the note.
    """
    if nodes.is_empty():
        figure = Figure((4, 1))
        figure.text(0.5, 0.5, fill(note, 60), ha="center")
        return figure
    x, y = _place(nodes)
    at = nodes.with_columns(x=pl.Series(x), y=pl.Series(y))
    points = join(at.filter(pl.col("model").is_not_null()), models)
    colors, markers = look(points, models)
    many = points.height > NAMED
    if many:
        note += f". Names are left out of more than {NAMED:,} models: tree.nwk has them"
    with matplotlib.rc_context(theme()):
        axes = Figure((WIDTH, ROW * min(points.height, NAMED) + 0.6)).add_axes((0, 0, 1, 1))
        axes.add_collection(LineCollection(_lines(at), color="#888888", linewidth=0.7, zorder=1))
        draw_points(axes, points, colors, markers)
        _draw_support(axes, at)
        draw_legend(axes)
        for text in axes.get_legend().get_texts():
            if text.get_text() == "Support":
                text.set_fontweight("bold")
        for row in [] if many else points.iter_rows(named=True):
            axes.annotate(
                row["label"],
                (row["x"], row["y"]),
                xytext=(marker_size(points.height) / 2 + 2, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
                color=edge(colors[row["family"]]),
            )
        axes.set(ylim=(points.height - 0.4, -0.6), yticks=[], ylabel="")
        axes.set_xlabel(f"squared distance from the midpoint (nats²)\n{fill(note, 75)}")
        axes.spines[["left", "top", "right"]].set_visible(False)
        _make_room(axes)
    return axes.figure


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
    known = at.filter(pl.col("support").is_not_null())
    if known.is_empty():
        return
    axes.plot([], [], linestyle="", label="Support")
    most = np.inf
    for least, color in SUPPORT.items():
        some = known.filter((pl.col("support") >= least) & (pl.col("support") < most))
        label = f"≥ {100 * least:.0f} %" if least else f"< {100 * most:.0f} %"
        style = {"markerfacecolor": color, "markeredgecolor": INK, "markeredgewidth": 0.5}
        axes.plot(
            some["x"], some["y"], "o", markersize=3.2, zorder=2, label=label, **style, scaley=False
        )
        most = least


def _make_room(axes):
    """Widen the axis until the longest name ends inside."""
    axes.autoscale_view(scaley=False)
    axes.set_xlim(left=0)
    for _ in range(3):
        ends = [text.get_window_extent().x1 for text in axes.texts]
        over = max(ends, default=0) - axes.get_window_extent().x1
        if over > 0:
            width = axes.get_window_extent().width
            axes.set_xlim(right=axes.get_xlim()[1] * width / max(width - over, width / 2))
