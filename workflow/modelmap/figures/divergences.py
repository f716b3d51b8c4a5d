"""What the map says against what was measured: divergences of pairs, and models between models."""

import matplotlib
import numpy as np
import polars as pl

from modelmap.figures.labels import draw_labels
from modelmap.figures.layout import (
    COLUMN,
    PAGE,
    absence,
    draw_legend,
    draw_note,
    fit,
    new_figure,
    shortened,
)
from modelmap.figures.points import family_handles, look, named
from modelmap.figures.style import GRAY, INK, outline, theme

N_COLUMNS = 3
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
        with matplotlib.rc_context(theme()):
            return absence("No pair of models could be compared.")
    sheet = named(models)
    families = dict(sheet.select("model", "family").iter_rows())
    colors = look(sheet, sheet)[0] | {ACROSS: GRAY}
    drawn = drawn.with_columns(
        group=pl.Series(
            families[a] if same else ACROSS
            for a, same in drawn.select("model_a", "same_family").iter_rows()
        )
    )
    # Pairs across families are many: those of one family lie above them.
    groups = sorted(set(drawn["group"]), key=lambda group: (group != ACROSS, group))
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        for group in groups:
            _draw_pairs(panels[0, 0], drawn.filter(group=group), group != ACROSS, colors[group])
        _draw_diagonal(panels[0, 0])
        handles = family_handles({group: colors[group] for group in groups})
        below = [
            draw_legend(figure, handles, "Family of both", across=COLUMN),
            draw_note(figure, _note(agreement, known.height - drawn.height), COLUMN),
        ]
        fit(figure, panels, COLUMN, ratio=1, below=below)
    return figure


def _draw_pairs(axes, some, of_one_family, color):
    face, line, width = outline(color)
    order = 2 + of_one_family
    axes.vlines(some["estimate"], some["kl_ab"], some["kl_ba"], color, lw=0.7, zorder=order)
    style = {"s": 14, "facecolor": face, "edgecolor": line, "linewidth": width, "zorder": order}
    axes.scatter(some["estimate"], some["kl_mean"], **style)


def _draw_diagonal(axes):
    """Both axes alike, on a logarithmic scale, and the line on which both are equal."""
    axes.set(xscale="log", yscale="log")
    ends = [f(*axes.get_xlim(), *axes.get_ylim()) for f in (min, max)]
    axes.plot(ends, ends, color="#888888", linewidth=1, zorder=1)
    axes.set(xlim=ends, ylim=ends, xlabel="d²/2 of the map (nats per sample)")
    axes.set_ylabel("KL divergence measured (nats per sample)")
    for axis in (axes.xaxis, axes.yaxis):  # the theme writes no exponents
        axis.set_major_formatter("{x:g}")


def _note(agreement, n_left_out):
    """What stands below a figure of pairs."""
    found = agreement.filter(estimate="estimate", kl="mean", pairs="all").row(0, named=True)
    lines = [f"{found['n_pairs']} pairs"]
    if found["pearson"] is not None:
        lines[0] += f": r = {found['pearson']:.3f}, ρ = {found['spearman']:.3f}"
    if n_left_out:
        lines.append(f"{n_left_out} more with a measured divergence below zero")
    return "; ".join(lines)


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
        with matplotlib.rc_context(theme()):
            return absence("No models of the zoo whose weights could be interpolated.")
    n_columns = min(N_COLUMNS, summary.height)
    n_rows = -(-summary.height // n_columns)
    with matplotlib.rc_context(theme()):
        figure, grid = new_figure(n_rows, n_columns)
        for axes in grid.flat[summary.height :]:
            axes.set_visible(False)
        drawn = [*zip(grid.flat, summary.rows(named=True), strict=False)]
        drawn = [
            (axes, row, points.filter(**{c: row[c] for c in CORNERS.values()}))
            for axes, row in drawn
        ]
        for axes, row, some in drawn:
            _draw_points_between(axes, some)
            axes.set_title(_of_three(row), loc="left", size=6)
        for axes in grid[-1]:
            axes.set_xlabel("expected (nats per sample)")
        for axes in grid[:, 0]:
            axes.set_ylabel("actual (nats per sample)")
        fit(figure, grid, COLUMN if n_columns == 1 else PAGE, ratio=1)
        for axes, _, some in drawn:
            _name_corners(axes, some)
    return figure


def _of_three(row):
    r, rho = (f"{row[c]:.3f}".replace("-", "−") for c in ("pearson", "spearman"))
    origin, first, second = (shortened(row[corner]) for corner in CORNERS.values())
    angle = f"angle {row['angle_degrees']:.0f}°, r = {r}, ρ = {rho}"
    return f"{origin}\n+ a: {first}\n+ b: {second}\n{angle}"


def _draw_points_between(axes, points):
    """Draw one panel."""
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
    axes.set(xlim=ends, ylim=ends)


def _name_corners(axes, points):
    corners = [points.row(by_predicate=(pl.col("a") == a) & (pl.col("b") == b)) for a, b in CORNERS]
    at = [[row[points.columns.index(c)] for c in ("expected", "actual")] for row in corners]
    draw_labels(
        axes,
        np.array(at),
        list(CORNERS.values()),
        [INK] * len(CORNERS),
        obstacles=points.select("expected", "actual").to_numpy(),
        size=6,
        marker=5,
        required=0,
    )
