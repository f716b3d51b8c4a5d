"""Predicted against actual values, one panel per benchmark."""

import matplotlib
import numpy as np
import polars as pl

from modelmap.figures.layout import (
    COLUMN,
    PAGE,
    absence,
    draw_note,
    fit,
    new_figure,
    shortened,
    wrapped,
)
from modelmap.figures.points import draw_legends, draw_points, join, look, name_points
from modelmap.figures.style import theme

N_COLUMNS = 3
N_LABELS = 4
LINE = 7.8  # points, of a note's


def prediction_figure(predicted, models, panels, *, x_label, y_label):
    """Draw a panel per benchmark, with the line on which predictions are right.

    Parameters
    ----------
    predicted : DataFrame
        Columns benchmark, model, score, predicted.
    models : DataFrame
        Columns model, label, family, generation, recipe; only the first must be there.
    panels : list of (str, str)
        Benchmark, and what is written below its name; of a benchmark without points, which has no
        panel, the reason, which stands below the figure.
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
        reasons = [f"{shortened(benchmark)}: {note}" for benchmark, note in panels]
        with matplotlib.rc_context(theme()):
            return absence("; ".join(reasons) or "No benchmark.", PAGE)
    shown = [(name, note) for name, note in panels if name in set(drawn["benchmark"])]
    without = [f"{shortened(name)}: {note}" for name, note in panels if (name, note) not in shown]
    n_columns = min(N_COLUMNS, len(shown))
    width = COLUMN if n_columns == 1 else PAGE
    with matplotlib.rc_context(theme()):
        figure, grid = new_figure(-(-len(shown) // n_columns), n_columns)
        for axes in grid.flat[len(shown) :]:
            axes.set_visible(False)
        looks = look(drawn, models)
        for axes, (benchmark, note) in zip(grid.flat, shown, strict=False):
            name = shortened(benchmark, 26 if n_columns > 1 else 48)
            _write(axes, name, wrapped(note, width / n_columns - 0.5))
            axes.set(xlabel=x_label, ylabel=y_label)
            _draw(axes, drawn.filter(benchmark=benchmark), looks)
        below = [draw_note(figure, "; ".join(without), width)] if without else []
        below += draw_legends(figure, *looks, across=width)
        fit(figure, grid, width, ratio=1, below=below)
        for axes, (benchmark, _) in zip(grid.flat, shown, strict=False):
            _label(axes, drawn.filter(benchmark=benchmark), looks[0])
    return figure


def _write(axes, name, note):
    """The name of a benchmark, and the note, in lines, between it and the plot."""
    pad = 5 + LINE * (note.count("\n") + 1)
    axes.set_title(name, loc="left", weight="bold", size=7, pad=pad)
    style = {"fontsize": 6, "va": "bottom", "linespacing": 1.2}
    offset = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(note, (0, 1), (0, 3), **offset, **style)


def _draw(axes, drawn, looks):
    draw_points(axes, drawn, *looks, scale=0.8)
    values = drawn.select("x", "y").to_numpy()
    room = 0.08 * (np.ptp(values) or 1)
    ends = values.min() - room, values.max() + room
    axes.plot(ends, ends, color="#888888", linewidth=0.8, zorder=1)
    axes.set(xlim=ends, ylim=ends)


def _label(axes, drawn, colors):
    """Name the models that lie farthest from the line, as far as there is room."""
    xy = drawn.select("x", "y").to_numpy()
    chosen = np.argsort(-np.abs(xy[:, 0] - xy[:, 1]), kind="stable")[:N_LABELS]
    name_points(axes, drawn, chosen, colors, size=5.5)
