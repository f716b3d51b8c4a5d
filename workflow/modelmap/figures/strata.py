"""How well each model does on each kind of sample: a row per model, a mark per kind."""

import matplotlib
import polars as pl
from matplotlib.lines import Line2D

from modelmap.figures.layout import COLUMN, absence, draw_legend, fit, new_figure, shortened
from modelmap.figures.points import look, named
from modelmap.figures.style import INK, edge, kind_markers, theme

ALL = "all"
MOST_ROWS = 60  # of more models a row is a family
ROW = 0.115  # inches
PALE = "#DDDDDD"


def strata_figure(losses, models):
    """Draw the mean loss of models on strata as a dot plot, the best model on all samples on top.

    Parameters
    ----------
    losses : DataFrame
        Columns model, stratum (one of them "all"), bits_per_byte and its _low and _high, which may
        be null; without any, nats_per_sample is drawn.
    models : DataFrame
        Columns model, label, family, recipe; only the first must be there.

    Returns
    -------
    Figure
        Of more than MOST_ROWS models a row is a family, and a mark one of its models. Without any
        row of losses it says so.
    """
    if not losses.height:
        with matplotlib.rc_context(theme()):
            return absence("No model has scores.")
    table = named(losses.join(models, on="model", how="left", maintain_order="left"))
    colors, _ = look(table, models)
    known = table["bits_per_byte"].is_not_null().any()
    loss, unit = (
        ("bits_per_byte", "bits per byte") if known else ("nats_per_sample", "nats a sample")
    )
    table = table.with_columns(loss=loss)
    row = "label" if table["model"].n_unique() <= MOST_ROWS else "family"
    order = table.filter(stratum=ALL).group_by(row)
    order = order.agg(pl.col("loss").mean(), of=pl.col("family").first())
    order = order.sort("loss", row, descending=True)
    at = {name: i for i, name in enumerate(order[row])}
    strata = sorted(set(table["stratum"]) - {ALL}) or [ALL]
    markers = kind_markers(strata)
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        axes = panels[0, 0]
        axes.hlines(range(len(at)), 0, 1, PALE, lw=0.6, transform=axes.get_yaxis_transform())
        for stratum in strata:
            some = table.filter(stratum=stratum)
            _draw(axes, some, [at[name] for name in some[row]], _look(*markers[stratum]), row)
        axes.set_yticks(range(len(at)), map(shortened, order[row]))
        for text, family in zip(axes.get_yticklabels(), order["of"], strict=True):
            text.set_color(edge(colors[family]))
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel=f"mean loss ({unit})", ylim=(-0.7, len(at) - 0.3))
        axes.spines["left"].set_visible(False)
        handles = [
            Line2D([], [], linestyle="", label=stratum, **_look(*markers[stratum]))
            for stratum in strata
        ]
        below = [draw_legend(figure, handles, across=COLUMN)] if strata != [ALL] else []
        fit(figure, panels, COLUMN, height=ROW * max(len(at), 4), below=below)
    return figure


def _look(marker, filled):
    face = INK if filled else "white"
    return {"marker": marker.matplotlib, "color": face, "markeredgecolor": INK, "markersize": 4}


def _draw(axes, some, heights, look, row):
    middle = some["loss"]
    low, high = (some[f"bits_per_byte_{end}"].fill_null(middle) for end in ("low", "high"))
    if row == "label":
        axes.hlines(heights, low, high, INK, lw=0.7, zorder=2)
    axes.plot(middle, heights, linestyle="", markeredgewidth=0.6, zorder=3, **look)
