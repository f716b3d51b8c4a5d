"""Correlations with benchmarks, stratum by stratum, as a heat map."""

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from modelmap.figures.style import GRAY, theme

CELL = 0.62, 0.26  # inches


def strata_correlation_figure(table, *, level):
    """Draw Pearson's r of each stratum's mean loss with each benchmark.

    Parameters
    ----------
    table : DataFrame
        Columns stratum, benchmark, pearson, p_adjusted, and note; a row per cell, in the order in
        which they are drawn.
    level : float
        Cells whose p_adjusted is at most 1 − level are bold with a star.

    Returns
    -------
    Figure
        Which grows with the table. A cell without r is gray, with a dash; without any it says why.
    """
    if not table["pearson"].count():
        figure, notes = Figure((4, 1)), table["note"].unique(maintain_order=True)
        why = "; ".join(notes) or "there are no losses"
        figure.text(0.5, 0.5, f"No correlation: {why}", ha="center")
        return figure
    strata, benchmarks = (
        table[c].unique(maintain_order=True).to_list() for c in ("stratum", "benchmark")
    )
    r, p = (_square(table, column, strata, benchmarks) for column in ("pearson", "p_adjusted"))
    size = 0.5 + CELL[0] * len(benchmarks), 0.4 + CELL[1] * len(strata)
    with matplotlib.rc_context(theme()):
        figure, axes = plt.subplots(figsize=size)
        plt.close(figure)
        axes.set_facecolor("#EEEEEE")
        sns.heatmap(
            r,
            vmin=-1,
            vmax=1,
            cmap="vlag",
            xticklabels=benchmarks,
            yticklabels=strata,
            linewidths=0.5,
            cbar_kws={"label": "r with mean loss", "shrink": min(1, 1.6 / size[1])},
            ax=axes,
        )
        for row, column in np.ndindex(r.shape):
            _write(axes, row, column, r[row, column], p[row, column] <= 1 - level)
        axes.tick_params(length=0)
        axes.tick_params(axis="x", labelrotation=40)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
        axes.tick_params(axis="y", labelrotation=0)
    return figure


def _square(table, column, strata, benchmarks):
    cells = {(s, b): x for s, b, x in table.select("stratum", "benchmark", column).iter_rows()}
    return np.array([[cells[s, b] for b in benchmarks] for s in strata], dtype=float)


def _write(axes, row, column, r, significant):
    if np.isnan(r):
        text, color = "\u2013", GRAY
    else:
        text = f"{r:.2f}".replace("-", "\u2212") + ("*" if significant else "")
        color = "white" if abs(r) > 0.75 else "#222222"
    weight = "bold" if significant else "normal"
    place = {"ha": "center", "va": "center", "fontsize": 7}
    axes.text(column + 0.5, row + 0.5, text, color=color, fontweight=weight, **place)
