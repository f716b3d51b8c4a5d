"""How far distances from fewer samples are off, by the number of samples."""

import matplotlib
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from modelmap.figures.layout import COLUMN, absence, draw_legend, draw_note, fit, new_figure
from modelmap.figures.style import INK, theme

NAMES = {"uniform": "uniform", "ls": "LS", "kl": "KL"}
COLORS = dict(zip(NAMES, ("#AAAAAA", "#666666", INK), strict=True))  # no family's
MARKERS = dict(zip(NAMES, "sov", strict=True))


def errors_figure(table, *, note):
    """Draw the error of squared distances against the number of samples, a line per method.

    Parameters
    ----------
    table : DataFrame
        Columns evaluated_on ("held out", drawn with a band of runs, or "all", dotted), method,
        size, n_samples, tau1 and its _low and _high. The method "uniform" at size 1 is drawn as a
        line across: as far would other samples of the whole's number be off.
    note : str
        What it says, or why there is nothing; stands below.

    Returns
    -------
    Figure
        Without any row it is the note.
    """
    if table.is_empty():
        with matplotlib.rc_context(theme()):
            return absence(note)
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        axes = panels[0, 0]
        band = table["evaluated_on"][0]
        for (on, method), rows in table.group_by("evaluated_on", "method", maintain_order=True):
            if rows.height > 1:  # else it is the whole alone
                _draw(axes, rows.sort("n_samples"), method, band=on == band)
        (whole,) = table.filter(evaluated_on=band, method="uniform", size=1)["tau1"]
        axes.axhline(whole, color="#BBBBBB", lw=0.8, ls="--", zorder=0, label="as many others")
        handles, _ = axes.get_legend_handles_labels()
        if table["evaluated_on"].n_unique() > 1:
            style = {"color": INK, "linestyle": ":", "linewidth": 1}
            handles.append(Line2D([], [], label="models that chose them", **style))
        axes.set(xscale="log", yscale="log", ylabel="error of squared distances (τ₁)")
        axes.set_xlabel("different samples")
        _tick(axes)
        below = [draw_legend(figure, handles, across=COLUMN), draw_note(figure, note, COLUMN)]
        fit(figure, panels, COLUMN, height=1.9, below=below)
    return figure


def _draw(axes, rows, method, *, band):
    """One line with its band; dotted and without, that of models which chose the samples."""
    n, color = rows["n_samples"], COLORS[method]
    if not band:
        marks = {"marker": MARKERS[method], "markersize": 2.5, "markerfacecolor": "white"}
        axes.plot(n, rows["tau1"], ":", color=color, lw=1, **marks)
        return
    look = {"marker": MARKERS[method], "markersize": 4, "lw": 1.2, "label": NAMES[method]}
    axes.plot(n, rows["tau1"], color=color, **look)
    axes.fill_between(n, rows["tau1_low"], rows["tau1_high"], color=color, alpha=0.13, lw=0)


def _tick(axes):
    """Numbers as people write them, not as powers of ten."""
    texts = {axes.xaxis: lambda n, _: f"{n:,.0f}", axes.yaxis: lambda x, _: f"{100 * x:g} %"}
    for axis, text in texts.items():
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(text))
        axis.set_minor_formatter(NullFormatter())
