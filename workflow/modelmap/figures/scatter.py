"""Two quantities of the models against each other."""

import matplotlib
import numpy as np
import polars as pl
import seaborn as sns

from modelmap.figures.layout import COLUMN, absence, draw_note, fit, new_figure, shortened
from modelmap.figures.points import draw_legends, draw_points, join, look, name_points
from modelmap.figures.style import theme

N_LABELS = 12


def correlation_figure(points, models, *, x, y, x_label, y_label, note):
    """Draw one column against another, a point per model, with the least-squares line.

    Parameters
    ----------
    points : DataFrame
        Columns model, and two of numbers; rows that lack one are left out.
    models : DataFrame
        Columns model, label, family, generation, recipe; only the first must be there.
    x, y : str
        Names of the two columns.
    x_label, y_label : str
        What the axes say, with the unit.
    note : str
        Stands below, such as "r = −0.62 [−0.80, −0.21]".

    Returns
    -------
    figure : Figure
        The line is left out where it has no slope: fewer than 2 values of x. Without any point it
        is the note.
    drawn : DataFrame
        Columns model, label, family, recipe, and x and y under their names.
    """
    pairs = points.select("model", x=pl.col(x).cast(float), y=pl.col(y).cast(float))
    drawn = join(pairs.filter(pl.col("x").is_finite() & pl.col("y").is_finite()), models)
    data = drawn.select("model", "label", "family", "recipe", pl.col("x").alias(x))
    data = data.with_columns(drawn["y"].alias(y))
    with matplotlib.rc_context(theme()):
        if drawn.is_empty():
            return absence(f"No model has both. {y_label}: {note}"), data
        figure, panels = new_figure()
        axes = panels[0, 0]
        axes.margins(0.1)
        looks = look(drawn, models)
        draw_points(axes, drawn, *looks)
        if drawn["x"].n_unique() > 1:
            style = {"color": "#888888", "zorder": 1, "linewidth": 1}
            at = drawn.select("x", "y").to_numpy().T
            sns.regplot(x=at[0], y=at[1], scatter=False, ci=None, line_kws=style, ax=axes)
        axes.set(xlabel=x_label, ylabel=shortened(y_label, 40))
        below = [draw_note(figure, note, COLUMN), *draw_legends(figure, *looks, across=COLUMN)]
        fit(figure, panels, COLUMN, height=2.1, below=below)
        _label(axes, drawn, looks[0])
    return figure, data


def _label(axes, drawn, colors):
    """Name the models that stand most apart, as far as there is room."""
    at = axes.transData.transform(drawn.select("x", "y").to_numpy())
    gaps = np.linalg.norm(at[:, None] - at[None], axis=2) + np.diag(np.full(len(at), np.inf))
    chosen = np.argsort(-gaps.min(axis=1), kind="stable")[:N_LABELS]
    name_points(axes, drawn, chosen, colors, size=5.5)
