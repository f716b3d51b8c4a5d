"""Two quantities of the models against each other."""

import matplotlib
import numpy as np
import polars as pl
import seaborn as sns
from matplotlib.figure import Figure

from modelmap.figures.points import draw_legend, draw_points, join, look, name_points
from modelmap.figures.style import theme

SIZE = 4.2, 3.4
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
        Written above the plot, such as "r = −0.62 [−0.80, −0.21]".

    Returns
    -------
    Figure
        The line is left out where it has no slope: fewer than 2 values of x.
    """
    pairs = points.select("model", x=pl.col(x).cast(float), y=pl.col(y).cast(float))
    drawn = join(pairs.filter(pl.col("x").is_finite() & pl.col("y").is_finite()), models)
    with matplotlib.rc_context(theme()):
        axes = Figure(SIZE).add_subplot()
        axes.margins(0.1)
        if drawn.height:
            colors, markers = look(drawn, models)
            draw_points(axes, drawn, colors, markers)
            draw_legend(axes)
        if drawn["x"].n_unique() > 1:
            line = {"color": "#888888", "linewidth": 1, "zorder": 1}
            sns.regplot(
                x=drawn["x"].to_numpy(),
                y=drawn["y"].to_numpy(),
                scatter=False,
                ci=None,
                line_kws=line,
                ax=axes,
            )
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.set_title(note, loc="left")
        sns.despine(ax=axes)
        if drawn.height:
            _label(axes, drawn, colors)
    return axes.figure


def _label(axes, drawn, colors):
    """Name the models that stand most apart, as far as there is room."""
    axes.autoscale_view()
    xy = drawn.select("x", "y").to_numpy()
    at = axes.transData.transform(xy)
    gaps = np.linalg.norm(at[:, None] - at[None], axis=2) + np.diag(np.full(len(at), np.inf))
    chosen = np.argsort(-gaps.min(axis=1), kind="stable")[:N_LABELS]
    name_points(axes, drawn, chosen, colors)
