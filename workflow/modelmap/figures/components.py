"""How many dimensions a map has: variance by principal component."""

import matplotlib
from matplotlib.ticker import MaxNLocator, PercentFormatter

from modelmap.figures.layout import COLUMN, absence, fit, new_figure
from modelmap.figures.style import GRAY, INK, theme

MARKS = (0.9, 0.95)  # as published for 1,018 models: 42 and 82 components
SHOWN = 0.99


def components_figure(components):
    """Draw each component's share of the variance, their sum, and where it reaches MARKS.

    Parameters
    ----------
    components : DataFrame
        Columns component (from 1), share, cumulative.

    Returns
    -------
    Figure
        Up to the component that reaches SHOWN. Without any component it says so.
    """
    total = components["cumulative"]
    if components.is_empty() or total[-1] == 0:
        return absence("There are no components: fewer than two models differ.")
    reached = {mark: _first(total, mark) for mark in (*MARKS, SHOWN)}
    shown = components.head(max(reached[SHOWN], 2))
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        axes = panels[0, 0]
        axes.bar(shown["component"], shown["share"], color="#BBBBBB", width=0.8, label="each")
        dots = {"marker": "o", "markersize": 2.5 if shown.height < 40 else 0, "linewidth": 1}
        axes.plot(shown["component"], shown["cumulative"], color=INK, label="all up to it", **dots)
        for mark in MARKS:
            n = reached[mark]
            axes.plot([n, n, 0], [0, mark, mark], color=GRAY, linewidth=0.7, linestyle=":")
        n = [f"{reached[mark]} for {100 * mark:.0f} %" for mark in MARKS]
        axes.set_title(f"Components: {', '.join(n)}", loc="left", fontweight="bold")
        axes.set(xlabel="principal component", ylabel="share of squared distances")
        axes.set(xlim=(0.4, shown.height + 0.6), ylim=(0, 1.02))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
        axes.legend(loc="center right")
        fit(figure, panels, COLUMN, height=1.8)
    return figure


def _first(total, mark):
    """The first component (from 1) at which the sum reaches a mark, rounding aside."""
    return int((total < mark - 1e-9).sum()) + 1
