"""How well each model does on each kind of sample: a row per model, a mark per kind."""

import matplotlib
import polars as pl
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from modelmap.figures.points import look, named
from modelmap.figures.style import INK, edge, recipe_markers, theme

ALL = "all"
MOST_ROWS = 60  # of more models a row is a family
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
        figure = matplotlib.figure.Figure((4, 1))
        figure.text(0.5, 0.5, "No model has scores.", ha="center")
        return figure
    table = named(losses.join(models, on="model", how="left", maintain_order="left"))
    colors, _ = look(table, models)
    known = table["bits_per_byte"].is_not_null().any()
    loss, unit = (
        ("bits_per_byte", "bits per byte") if known else ("nats_per_sample", "nats a sample")
    )
    table = table.with_columns(loss=loss)
    row = "label" if table["model"].n_unique() <= MOST_ROWS else "family"
    order = (
        table.filter(stratum=ALL)
        .group_by(row)
        .agg(pl.col("loss").mean(), of=pl.col("family").first())
    )
    order = order.sort("loss", row, descending=True)
    at = {name: i for i, name in enumerate(order[row])}
    strata = sorted(set(table["stratum"]) - {ALL}) or [ALL]
    markers = recipe_markers(strata)
    with matplotlib.rc_context(theme()):
        figure, axes = plt.subplots(figsize=(4.2, 0.5 + 0.17 * len(at)))
        plt.close(figure)
        axes.hlines(range(len(at)), 0, 1, PALE, lw=0.6, transform=axes.get_yaxis_transform())
        for i, stratum in enumerate(strata):
            some = table.filter(stratum=stratum)
            _draw(axes, some, [at[name] for name in some[row]], _look(markers, i, stratum), row)
        axes.set_yticks(range(len(at)), order[row], size=7 if len(at) > 30 else 8)
        for text, family in zip(axes.get_yticklabels(), order["of"], strict=True):
            text.set_color(edge(colors[family]))
        axes.tick_params(axis="y", length=0)
        axes.set(xlabel=f"mean loss ({unit})", ylim=(-0.7, len(at) - 0.3))
        axes.spines[["left", "top", "right"]].set_visible(False)
        if strata != [ALL]:
            handles = [
                Line2D([], [], linestyle="", label=stratum, **_look(markers, i, stratum))
                for i, stratum in enumerate(strata)
            ]
            axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure


def _look(markers, i, stratum):
    """Marks differ in shape, and in turn in being filled, so that they are told apart in gray."""
    face = INK if i % 2 == 0 else "white"
    shape = markers[stratum].matplotlib
    return {"marker": shape, "color": face, "markeredgecolor": INK, "markersize": 4.5}


def _draw(axes, some, heights, look, row):
    middle = some["loss"]
    low, high = (some[f"bits_per_byte_{end}"].fill_null(middle) for end in ("low", "high"))
    if row == "label":
        axes.hlines(heights, low, high, INK, lw=0.7, zorder=2)
    axes.plot(middle, heights, linestyle="", markeredgewidth=0.6, zorder=3, **look)
