"""What the map says against what was measured: divergences of pairs, and models between models."""

import matplotlib
import numpy as np
import polars as pl
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from modelmap.figures.labels import draw_labels
from modelmap.figures.points import named
from modelmap.figures.style import GRAY, INK, family_colors, theme

SIZE = 4.4, 3.8
SIDE, N_COLUMNS = 2.6, 3
ACROSS = "two families"
CORNERS = {(0.0, 0.0): "origin", (1.0, 0.0): "first", (0.0, 1.0): "second"}


def divergence_figure(pairs, models, agreement):
    """Draw measured KL divergence against its estimate, a point per pair, on logarithmic axes.

    Parameters
    ----------
    pairs : DataFrame
        Columns model_a, model_b, kl_ab, kl_ba, kl_mean, estimate, same_family; of theory.
    models : DataFrame
        Columns model, family.
    agreement : DataFrame
        Columns estimate, kl, pairs, n_pairs, pearson, spearman, pearson_log, ratio.

    Returns
    -------
    Figure
        A line through each point reaches from one direction to the other. Pairs whose divergence
        is not above zero are left out and counted; without any pair it says so.
    """
    known = pairs.drop_nulls(["estimate", "kl_mean"])
    drawn = known.filter((pl.min_horizontal("kl_ab", "kl_ba") > 0) & (pl.col("estimate") > 0))
    if drawn.is_empty():
        return _says("No pair of models could be compared.")
    families = dict(named(models).select("model", "family").iter_rows())
    colors = family_colors(families.values()) | {ACROSS: GRAY}
    drawn = drawn.with_columns(
        group=pl.Series(
            families[a] if same else ACROSS
            for a, same in drawn.select("model_a", "same_family").iter_rows()
        )
    )
    with matplotlib.rc_context(theme()):
        axes = Figure(SIZE).add_subplot()
        # Pairs across families are many: those of one family lie above them.
        for group in sorted(set(drawn["group"]), key=lambda group: (group != ACROSS, group)):
            some = drawn.filter(group=group)
            style = {"color": colors[group], "zorder": 2 + (group != ACROSS)}
            axes.vlines(some["estimate"], some["kl_ab"], some["kl_ba"], linewidth=0.7, **style)
            axes.scatter(
                some["estimate"],
                some["kl_mean"],
                s=16,
                edgecolor=INK,
                linewidth=0.3,
                label=group,
                **style,
            )
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):  # the theme writes no exponents
            axis.set_major_formatter("{x:g}")
        ends = [f(*axes.get_xlim(), *axes.get_ylim()) for f in (min, max)]
        axes.plot(ends, ends, color="#888888", linewidth=1, zorder=1)
        axes.set(xlim=ends, ylim=ends, aspect="equal", xlabel="d²/2 of the map (nats per sample)")
        axes.set_ylabel("KL divergence measured (nats per sample)")
        axes.set_title(_note(agreement, known.height - drawn.height), loc="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0)
        sns.despine(ax=axes)
    return axes.figure


def _note(agreement, n_left_out):
    """What stands above a figure of pairs."""
    found = agreement.filter(estimate="estimate", kl="mean", pairs="all").row(0, named=True)
    lines = [f"{found['n_pairs']} pairs"]
    if found["pearson"] is not None:
        lines[0] += f": r = {found['pearson']:.3f}, ρ = {found['spearman']:.3f}"
    if n_left_out:
        lines.append(f"{n_left_out} more with a measured divergence below zero")
    return "\n".join(lines)


def interpolation_figure(points, summary):
    """Draw actual against expected mean log-likelihood of models between three, a panel each.

    Parameters
    ----------
    points, summary : DataFrames
        As theory.between and theory.interpolation_summary return them.

    Returns
    -------
    Figure
        Points inside the triangle of the three are filled, those beyond it are hollow; without any
        it says so.
    """
    if summary.is_empty():
        return _says("No models of the zoo whose weights could be interpolated.")
    n_columns = min(N_COLUMNS, summary.height)
    n_rows = -(-summary.height // n_columns)
    with matplotlib.rc_context(theme()):
        figure, grid = plt.subplots(
            n_rows,
            n_columns,
            figsize=(SIDE * n_columns, (SIDE + 0.5) * n_rows),
            squeeze=False,
            gridspec_kw={"wspace": 0.45, "hspace": 0.4},
        )
        plt.close(figure)
        for axes in grid.flat[summary.height :]:
            axes.set_axis_off()
        for axes, row in zip(grid.flat, summary.rows(named=True), strict=False):
            corners = {key: row[key] for key in ("origin", "first", "second")}
            _draw_points_between(axes, points.filter(**corners))
            r, rho = (f"{row[c]:.3f}".replace("-", "−") for c in ("pearson", "spearman"))
            axes.set_title(
                f"{corners['origin']}\n+ a: {corners['first']}\n+ b: {corners['second']}\n"
                f"angle {row['angle_degrees']:.0f}°, r = {r}, ρ = {rho}",
                loc="left",
                size="small",
            )
        for axes in grid[-1]:
            axes.set_xlabel("expected (nats per sample)")
        for axes in grid[:, 0]:
            axes.set_ylabel("actual (nats per sample)")
    return figure


def _draw_points_between(axes, points):
    """Draw one panel, the three corners named."""
    inside = points["a"] + points["b"] < 1.001
    for some, filled in ((points.filter(inside), True), (points.filter(~inside), False)):
        # More of the first is bluer, more of the second is redder.
        colors = [(0.15 + 0.7 * b, 0.25, 0.15 + 0.7 * a) for a, b in some.select("a", "b").rows()]
        face = {"color": colors} if filled else {"facecolor": "white", "edgecolor": colors}
        axes.scatter(some["expected"], some["actual"], s=18, linewidth=0.8, zorder=3, **face)
    values = points.select("expected", "actual").to_numpy()
    room = 0.08 * (np.ptp(values) or 1)
    ends = values.min() - room, values.max() + room
    axes.plot(ends, ends, color="#888888", linewidth=1, zorder=1)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    sns.despine(ax=axes)
    axes.apply_aspect()  # labels need the final frame
    corners = [points.row(by_predicate=(pl.col("a") == a) & (pl.col("b") == b)) for a, b in CORNERS]
    at = [[row[points.columns.index(c)] for c in ("expected", "actual")] for row in corners]
    draw_labels(
        axes,
        np.array(at),
        list(CORNERS.values()),
        [INK] * len(CORNERS),
        obstacles=values,
        size=6.5,
        marker=5,
        required=0,
    )


def _says(text):
    figure = Figure((4, 0.6))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure
