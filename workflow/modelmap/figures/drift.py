"""How a frozen map would move if it were drawn anew, a panel per method."""

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from modelmap.figures.layout import COLUMN, PAGE, absence, draw_legend, draw_note, fit, new_figure
from modelmap.figures.points import family_handles, join, look, marker_size, name_points
from modelmap.figures.style import INK, outline, theme

RING = 3.5  # points, how much wider than a marker


def drift_figure(drifted, summary, models, *, titles):
    """Draw models where they stand, a line to where each would be, and rings around new ones.

    Parameters
    ----------
    drifted : DataFrame
        Columns method, model, joined, x, y, x_redrawn, y_redrawn.
    summary : DataFrame
        Columns method, median, largest (shares of the map's diameter; may be null), n_samples,
        n_samples_frozen.
    models : DataFrame
        Columns model, label, family; only the first must be there.
    titles : dict
        Method to its name as people write it.

    Returns
    -------
    Figure
        Without any method it says so.
    """
    if drifted.is_empty():
        with matplotlib.rc_context(theme()):
            return absence("No method had places for the frozen models.")
    points = join(drifted, models)
    colors, _ = look(points, models)
    methods = summary["method"].to_list()
    n_columns = min(len(methods), 2)
    n_rows = -(-len(methods) // n_columns)
    width = PAGE if n_columns > 1 else COLUMN
    with matplotlib.rc_context(theme()):
        figure, grid = new_figure(n_rows, n_columns)
        panels = [*grid.flat]
        for axes, row in zip(panels, summary.iter_rows(named=True), strict=False):
            _draw(axes, points.filter(method=row["method"]), colors)
            axes.set_title(titles[row["method"]], loc="left", fontweight="bold")
            axes.set_xlabel(_moved(row))
        for axes in panels[len(methods) :]:
            axes.set_visible(False)
        below = [draw_legend(figure, family_handles(colors), "Family", across=width)]
        below.append(draw_legend(figure, _legend(points["joined"].any()), across=width))
        if note := _lost(summary):
            below.append(draw_note(figure, note, width))
        fit(figure, grid, width, ratio=0.8, below=below, gap=0.15)
        for axes, method in zip(panels, methods, strict=False):
            axes.apply_aspect()  # labels are placed on final axes
            _name(axes, points.filter(method=method), colors)
    return figure


def _draw(axes, points, colors):
    at = points.select("x", "y").to_numpy()
    lines = zip(at, points.select("x_redrawn", "y_redrawn").to_numpy(), strict=True)
    axes.add_collection(LineCollection([*lines], color=INK, linewidth=0.8, zorder=2))
    size = _size(points)
    faces, edges, widths = zip(*(outline(colors[f]) for f in points["family"]), strict=True)
    style = {"facecolors": faces, "edgecolors": edges, "linewidths": widths, "zorder": 3}
    axes.scatter(*at.T, s=size**2, **style)
    new = at[points["joined"].to_numpy()]
    axes.scatter(*new.T, s=(size + RING) ** 2, facecolors="none", edgecolors=INK, linewidths=0.8)
    axes.margins(0.1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xticks=[], yticks=[])
    axes.autoscale_view()


def _name(axes, points, colors):
    """Name the models that joined, clear of rings and of lines."""
    start, end = (points.select(*xy).to_numpy() for xy in (("x", "y"), ("x_redrawn", "y_redrawn")))
    along = start + np.linspace(0, 1, 9)[:, None, None] * (end - start)
    marker, pixels = _size(points) + RING, axes.figure.dpi / 72
    length = np.linalg.norm(_shown(axes, along) - _shown(axes, start), axis=2) / pixels
    name_points(
        axes,
        points,
        points["joined"].arg_true().to_list(),
        colors,
        marker=marker,
        obstacles=np.vstack([start, along[length > marker / 2]]),
    )


def _shown(axes, xy):
    return axes.transData.transform(xy.reshape(-1, 2)).reshape(xy.shape)


def _size(points):
    return 0.8 * marker_size(points.height)


def _moved(row):
    if row["median"] is None:
        return "frozen models share one place"
    shares = (f"{100 * row[key]:.2g} %" for key in ("median", "largest"))
    return "moves: median {}, at most {}".format(*shares)


def _lost(summary):
    """What to know where models that joined miss samples; empty where they miss none."""
    n, n_frozen = summary.select("n_samples", "n_samples_frozen").row(0)
    if n == n_frozen:
        return ""
    said = f"{n} of the frozen map's {n_frozen} samples count: models that joined miss the others,"
    return f"{said} so distances between its own models differ from those it was drawn by."


def _legend(has_new):
    marks = [Line2D([], [], color=INK, linewidth=0.8, label="to where it would be")]
    if has_new:
        ring = {"markerfacecolor": "none", "markeredgecolor": INK, "markersize": 8}
        marks.append(Line2D([], [], linestyle="", marker="o", **ring, label="joined the map"))
    return marks
