"""What recipes do: an arrow from parent to child, a panel per recipe."""

import matplotlib
import numpy as np
import polars as pl

from modelmap.figures.layout import COLUMN, PAGE, absence, draw_legend, fit, new_figure, shortened
from modelmap.figures.points import family_handles, join, look
from modelmap.figures.style import theme

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
        with matplotlib.rc_context(theme()):
            return absence("No model stands here with its parent.")
    points = join(arrows, models)
    colors, _ = look(points, models)
    chosen = arrows.group_by("recipe").len().sort("len", "recipe", descending=[True, False])
    chosen = sorted(chosen["recipe"][:MOST])
    n_rows, n_columns = -(-len(chosen) // 4), min(len(chosen), 4)
    width = COLUMN if n_columns <= 2 else PAGE
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure(n_rows, n_columns)
        for axes, recipe in zip(panels.flat, chosen, strict=False):
            _draw(axes, points.filter(recipe=recipe), colors)
            axes.set_title(_title(recipe, table), loc="left", size=6)
        for axes in panels.flat[len(chosen) :]:
            axes.set_visible(False)
        names = [
            f"PC {i} of shifts ({100 * share:.0f} %), nats" for i, share in enumerate(shares, 1)
        ]
        panels[-1, 0].set_xlabel(names[0], loc="left")
        panels[-1, 0].set_ylabel(names[1], loc="bottom")
        legend = draw_legend(figure, family_handles(colors), "Family", across=width)
        fit(figure, panels, width, ratio=1, below=[legend])
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
    said = [
        shortened(recipe, 20),
        "" if cosine is None else f"mean cosine {cosine:.2f}".replace("-", "−"),
    ]
    return "\n".join([*said, "" if p is None else f"p = {p:.2g}"])
