"""Predicted against actual values, one panel per benchmark."""

import textwrap

import matplotlib
import numpy as np
import polars as pl
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from modelmap.figures.points import draw_legend, draw_points, join, look, name_points
from modelmap.figures.style import theme

N_COLUMNS = 3
N_LABELS = 4
SIDE = 2.9


def prediction_figure(predicted, models, panels, *, x_label, y_label):
    """Draw a panel per benchmark, with the line on which predictions are right.

    Parameters
    ----------
    predicted : DataFrame
        Columns benchmark, model, score, predicted.
    models : DataFrame
        Columns model, label, family, generation, recipe; only the first must be there.
    panels : list of (str, str)
        Benchmark, and what is written below its name; of a benchmark without points, the reason,
        which is written in its place.
    x_label, y_label : str
        Of score and predicted, with the unit.

    Returns
    -------
    Figure
        The models farthest from the line are named. Without any point it says why.
    """
    drawn = join(
        predicted.select("benchmark", "model", x=pl.col("score"), y=pl.col("predicted")), models
    )
    if not drawn.height:
        reasons = [f"{benchmark}: {note}" for benchmark, note in panels] or ["No benchmark."]
        figure = Figure((4, 0.3 * len(reasons)))
        figure.text(0, 0.5, "\n".join(reasons), va="center")
        return figure
    n_columns = min(N_COLUMNS, len(panels))
    n_rows = -(-len(panels) // n_columns)
    with matplotlib.rc_context(theme()):
        figure, grid = plt.subplots(
            n_rows,
            n_columns,
            figsize=(SIDE * n_columns, SIDE * n_rows),
            squeeze=False,
            gridspec_kw={"wspace": 0.3, "hspace": 0.5},
        )
        plt.close(figure)
        for axes in grid.flat:
            axes.set_axis_off()
        colors, markers = look(drawn, models)
        for axes, (benchmark, note) in zip(grid.flat, panels, strict=False):
            axes.set_title(f"{benchmark}\n", loc="left", weight="bold")
            some = drawn.filter(benchmark=benchmark)
            if some.height:
                axes.set_axis_on()
                axes.set(xlabel=x_label, ylabel=y_label)
                _draw(axes, some, colors, markers)
            size, place = ("medium", 1.02) if some.height else ("small", 0.95)
            text = textwrap.fill(note, 44)
            va = "bottom" if some.height else "top"
            axes.text(0, place, text, size=size, va=va, transform=axes.transAxes)
        _one_legend(grid)
    return figure


def _draw(axes, drawn, colors, markers):
    draw_points(axes, drawn, colors, markers)
    sns.despine(ax=axes)
    values = drawn.select("x", "y").to_numpy()
    room = 0.08 * (np.ptp(values) or 1)
    ends = values.min() - room, values.max() + room
    axes.plot(ends, ends, color="#888888", linewidth=1, zorder=1)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    axes.apply_aspect()  # labels need the final frame
    _label(axes, drawn, colors)


def _one_legend(grid):
    """Keep the legend of one panel, to the right of the first row."""
    first, *others = [axes for axes in grid.flat if axes.get_legend()] or [None]
    for axes in others:
        axes.get_legend().remove()
    if first:
        draw_legend(first)
        first.get_legend().set_bbox_to_anchor((1.05, 1), transform=grid[0, -1].transAxes)


def _label(axes, drawn, colors):
    """Name the models that lie farthest from the line, as far as there is room."""
    xy = drawn.select("x", "y").to_numpy()
    chosen = np.argsort(-np.abs(xy[:, 0] - xy[:, 1]), kind="stable")[:N_LABELS]
    name_points(axes, drawn, chosen, colors)
