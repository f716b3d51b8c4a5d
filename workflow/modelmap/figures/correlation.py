"""Correlations with benchmarks, stratum by stratum, as a heat map."""

import matplotlib
import numpy as np
import seaborn as sns

from modelmap.figures.layout import COLUMN, PAGE, absence, fit, new_figure, shortened
from modelmap.figures.style import GRAY, INK, theme

HEIGHT = 0.19  # inches, of a row
MOST = 5, 14  # benchmarks in one column of a paper; with numbers in two


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
        Of more than MOST[1] benchmarks there are colors alone.
    """
    if not table["pearson"].count():
        notes = map(shortened, table["note"].drop_nulls().unique(maintain_order=True))
        why = "; ".join(notes) or "there are no losses"
        with matplotlib.rc_context(theme()):
            return absence(f"No correlation: {why}")
    strata, benchmarks = (
        table[c].unique(maintain_order=True).to_list() for c in ("stratum", "benchmark")
    )
    r, p = (_square(table, column, strata, benchmarks) for column in ("pearson", "p_adjusted"))
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        axes = panels[0, 0]
        axes.set_facecolor("#EEEEEE")
        style = {"vmin": -1, "vmax": 1, "cmap": "RdBu_r", "linecolor": "white", "linewidths": 0.5}
        high = HEIGHT * len(strata)
        inset = axes.inset_axes((1.03, max(0, 1 - 1.2 / high), 0.025, min(1, 1.2 / high)))
        sns.heatmap(
            r,
            ax=axes,
            cbar_ax=inset,
            cbar_kws={"label": "r with mean loss", "ticks": [-1, 0, 1]},
            **style,
        )
        for row, column in np.ndindex(r.shape if len(benchmarks) <= MOST[1] else (0, 0)):
            _write(axes, row, column, r[row, column], p[row, column] <= 1 - level)
        axes.set_xticks(np.arange(len(benchmarks)) + 0.5, map(shortened, benchmarks), rotation=40)
        axes.set_yticks(np.arange(len(strata)) + 0.5, map(shortened, strata), rotation=0)
        for text in axes.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        fit(figure, panels, COLUMN if len(benchmarks) <= MOST[0] else PAGE, height=high)
    return figure


def _square(table, column, strata, benchmarks):
    cells = {(s, b): x for s, b, x in table.select("stratum", "benchmark", column).iter_rows()}
    return np.array([[cells[s, b] for b in benchmarks] for s in strata], dtype=float)


def _write(axes, row, column, r, significant):
    if np.isnan(r):
        text, color = "\u2013", GRAY
    else:
        text = f"{r:.2f}".replace("-", "\u2212") + ("*" if significant else "")
        color = "white" if abs(r) > 0.7 else INK
    weight = "bold" if significant else "normal"
    place = {"ha": "center", "va": "center", "fontsize": 6}
    axes.text(column + 0.5, row + 0.5, text, color=color, fontweight=weight, **place)
