"""What recipes do: an arrow from parent to child, a panel per recipe."""

import matplotlib
import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from modelmap.figures.points import join, look
from modelmap.figures.style import theme

SIDE = 1.6  # inches
MOST = 8  # recipes


def shifts_figure(arrows, table, models, *, shares):
    """Draw shifts from a common origin, the parent, in the plane that holds most of them.

    Parameters
    ----------
    arrows : DataFrame
        Columns model, recipe, x, y (nats).
    table : DataFrame
        Columns recipe, cosine, p; the last two may be null.
    models : DataFrame
        Columns model, family; only the first must be there.
    shares : sequence of two float
        Shares of the squared lengths that x and y show.

    Returns
    -------
    Figure
        A panel for each of the MOST recipes with most shifts. Without any arrow it says so.
    """
    if arrows.is_empty():
        figure = Figure((4, 1))
        figure.text(0.5, 0.5, "No model stands here with its parent.", ha="center")
        return figure
    points = join(arrows, models)
    colors, _ = look(points, models)
    chosen = arrows.group_by("recipe").len().sort("len", "recipe", descending=[True, False])
    chosen = sorted(chosen["recipe"][:MOST])
    n_rows, n_columns = -(-len(chosen) // 4), min(len(chosen), 4)
    with matplotlib.rc_context(theme()):
        size = ((SIDE + 0.2) * n_columns + 1, SIDE * n_rows + 0.5)
        figure = Figure(size, layout="constrained")
        panels = figure.subplots(n_rows, n_columns, squeeze=False)
        for axes, recipe in zip(panels.flat, chosen, strict=False):
            _draw(axes, points.filter(recipe=recipe), colors)
            axes.set_title(_title(recipe, table), loc="left", size="medium")
        for axes in panels.flat[len(chosen) :]:
            axes.set_visible(False)
        names = [f"PC {i} of shifts ({share:.0%}), nats" for i, share in enumerate(shares, 1)]
        figure.supxlabel(names[0].replace("%", " %"), size="medium")
        figure.supylabel(names[1].replace("%", " %"), size="medium")
        legend = figure.legend(
            handles=[Line2D([], [], color=c, linewidth=1.5, label=f) for f, c in colors.items()],
            title="Family",
            loc="outside right upper",
            alignment="left",
            ncols=1 + len(colors) // 20,
        )
        legend.get_title().set_fontweight("bold")
    return figure


def _draw(axes, points, colors):
    """Arrows from the origin, on a scale of their own: directions are to be compared."""
    for line in (axes.axhline, axes.axvline):
        line(0, color="#DDDDDD", linewidth=0.6, zorder=0)
    for x, y, family in points.select("x", "y", "family").iter_rows():
        arrow = {"arrowstyle": "-|>", "color": colors[family], "mutation_scale": 6}
        arrow |= {"linewidth": 1, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (x, y), (0, 0), arrowprops=arrow)
    reach = 1.1 * np.abs(points.select("x", "y").to_numpy()).max() or 1.0
    tick = float(f"{reach / 1.6:.0e}")
    ticks = dict.fromkeys(("xticks", "yticks"), [-tick, 0, tick])
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", **ticks)


def _title(recipe, table):
    cosine, p = table.filter(pl.col("recipe") == recipe).select("cosine", "p").row(0)
    said = [recipe, "" if cosine is None else f"mean cosine {cosine:.2f}".replace("-", "−")]
    return "\n".join([*said, "" if p is None else f"p = {p:.2g}"])
