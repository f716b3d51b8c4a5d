"""How alike maps are: 0 is what unrelated maps have, 1 is the same map."""

import matplotlib
import numpy as np
import polars as pl
from matplotlib.lines import Line2D

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
from modelmap.figures.points import look, named
from modelmap.figures.style import INK, edge, theme

TITLES = {"cka": "debiased CKA", "overlap": "neighbor overlap", "procrustes": "Procrustes"}
AXIS = "agreement (0: chance, 1: the same)"
PALE = "#DDDDDD"
HEIGHT, LINE = 1.5, 0.13  # inches: of a panel, of a line of a row's name
MOST_ROWS = 40
MOST_NUMBERS = 12  # rows of a matrix with a number in each cell
SIDE_BY_SIDE = 16  # rows of matrices that stand beside each other; of more, one below the other


def samples_figure(table, note):
    """Draw agreement against the number of samples, a panel per measure.

    Parameters
    ----------
    table : DataFrame
        Columns n_samples, against, measure, chance, above_chance; low, high: may be null.
    note : str
        Stands below; without any row of the table, instead.

    Returns
    -------
    Figure
    """
    if table.is_empty():
        return _absent(note)
    measures = [measure for measure in TITLES if measure in set(table["measure"])]
    against = list(dict.fromkeys(table["against"]))
    with matplotlib.rc_context(theme()):
        figure, panels = _panels([TITLES[measure] for measure in measures])
        for axes, measure in zip(panels, measures, strict=True):
            for i, other in enumerate(against):
                _curve(axes, table.filter(measure=measure, against=other).sort("n_samples"), i)
            axes.set_xscale("log")
            ticks = sorted(set(table["n_samples"].round().cast(pl.Int64)))
            axes.set_xticks(ticks, [f"{n:,}" for n in ticks], rotation=90)
            axes.set_xlabel("samples")
            axes.minorticks_off()
            axes.axhline(0, color=PALE, linewidth=0.8, zorder=0)
            lowest = table.select(pl.min_horizontal("above_chance", _rescaled("low")))
            axes.set_ylim(min(-0.02, (lowest.min().item() or 0) - 0.02), 1.02)
        panels[0].set_ylabel(AXIS)
        handles = [Line2D([], [], label=other, **_line(i)) for i, other in enumerate(against)]
        _finish(figure, panels, note, handles, "A map of so many samples, and one of", HEIGHT)
    return figure


def left_out_figure(table, note, models):
    """Draw what leaving models out does to the map of the others, a row per family.

    Parameters
    ----------
    table : DataFrame
        Columns left_out, by, n_left_out, of, measure, above_chance.
    note : str
        As of `samples_figure`.
    models : DataFrame
        Column family, among whose values colors are shared out.

    Returns
    -------
    Figure
        Of more than MOST_ROWS families those that change the map most.
    """
    marks = table.select(
        "above_chance",
        row=pl.format("{} ({})", "left_out", "n_left_out"),
        panel=pl.format("{}:\n{}", "of", pl.col("measure").replace_strict(TITLES)),
        kind="by",
        family="left_out",
    )
    # Families alone decide colors; a family left out that the sheet lacks is drawn last
    left_out = named(table.select(model="left_out", family="left_out"))
    colors, _ = look(left_out, named(models.with_columns(model=pl.lit(""))))
    return _dots(marks, note, "Left out", {family: edge(c) for family, c in colors.items()})


def seeds_figure(table, note):
    """Draw how alike embeddings are that differ in their seed, a row per method.

    Parameters
    ----------
    table : DataFrame
        Columns method, seed_a (null: the map as drawn), seed_b, measure, above_chance.
    note : str
        As of `samples_figure`.

    Returns
    -------
    Figure
    """
    drawn = pl.when(pl.col("seed_a").is_null()).then(pl.lit("the map as drawn"))
    marks = table.select(
        "above_chance",
        row="method",
        panel=pl.col("measure").replace_strict(TITLES),
        kind=drawn.otherwise(pl.lit("another seed")),
    )
    return _dots(marks, note, "A seed against")


def datasets_figure(table, note):
    """Draw how alike the maps of datasets are, a row per pair.

    Parameters
    ----------
    table : DataFrame
        Columns map_a, map_b, n_models, measure (null: not compared), chance, above_chance, ceiling.
    note : str
        As of `samples_figure`.

    Returns
    -------
    Figure
        Of more than MOST_ROWS pairs those that are least alike.
    """
    known = table.filter(pl.col("measure").is_not_null())
    keys = {
        "row": pl.format("{}, {}\n({} models)", "map_a", "map_b", "n_models"),
        "panel": pl.col("measure").replace_strict(TITLES),
    }
    marks = [
        known.select(keys["row"].alias("row"), keys["panel"].alias("panel"), value, kind=pl.lit(k))
        for k, value in (
            ("two maps", pl.col("above_chance")),
            ("halves of one map", _rescaled("ceiling").alias("above_chance")),
        )
    ]
    return _dots(pl.concat(marks), note, "Agreement of")


def methods_figure(table, note):
    """Draw the neighbor overlap of every two methods as a matrix.

    Parameters
    ----------
    table : DataFrame
        Columns method_a, method_b, measure, value, above_chance.
    note : str
        As of `samples_figure`.

    Returns
    -------
    Figure
    """
    pairs = table.rename({"method_a": "a", "method_b": "b"}).with_columns(
        above="value", above_color="above_chance"
    )
    return _matrices(pairs, note, "")


def strata_figure(table, note):
    """Draw how alike the maps of kinds of samples are as matrices, one per measure.

    Parameters
    ----------
    table : DataFrame
        Columns stratum_a, stratum_b, measure, value, chance, above_chance, ceiling.
    note : str
        As of `samples_figure`.

    Returns
    -------
    Figure
        Below the diagonal the two kinds, above it as many samples of all kinds mixed.
    """
    pairs = table.rename({"stratum_a": "a", "stratum_b": "b"}).with_columns(
        above="ceiling", above_color=_rescaled("ceiling")
    )
    return _matrices(pairs, note, "Below the diagonal: two kinds; above: all kinds mixed. ")


def _rescaled(column):
    return (pl.col(column) - pl.col("chance")) / (1 - pl.col("chance"))


def _absent(note):
    with matplotlib.rc_context(theme()):
        return absence(note)


def _panels(titles):
    figure, panels = new_figure(1, len(titles), sharey=True)
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, loc="left", size=7)
    return figure, panels[0]


def _finish(figure, panels, note, handles, title, height=None):
    """Place panels, a legend and the note; square panels where there is no height."""
    panels = np.atleast_2d(panels)
    width = COLUMN if panels.size == 1 else PAGE
    below = [draw_legend(figure, handles, title, across=width)] if handles else []
    below.append(draw_note(figure, note, width))
    fit(figure, panels, width, height=height, ratio=1, below=below)


def _line(i):
    return (
        {"color": INK, "marker": "o", "markersize": 3.5, "linewidth": 1.2}
        if i == 0
        else {"color": "#8C8C8C", "marker": "s", "markersize": 3, "linewidth": 1, "linestyle": "--"}
    )


def _curve(axes, some, i):
    low, high = some.select(low=_rescaled("low"), high=_rescaled("high"))
    if i == 0 and low.null_count() == 0:
        axes.fill_between(some["n_samples"], low, high, color=PALE, linewidth=0, zorder=1)
    axes.plot(some["n_samples"], some["above_chance"], zorder=3 - i / 2, **_line(i))


def _dots(marks, note, legend, colors=None):
    """Draw marks (row, panel, kind, above_chance, family) as a dot plot."""
    marks = marks.drop_nulls("above_chance")
    if marks.is_empty():
        return _absent(note)
    rows = list(dict.fromkeys(marks["row"]))
    if len(rows) > MOST_ROWS:
        lowest = marks.group_by("row").agg(pl.min("above_chance")).sort("above_chance", "row")
        shown = set(lowest["row"][:MOST_ROWS])
        note = f"{len(rows)} rows, the {MOST_ROWS} of least agreement are shown. {note}"
        rows = [row for row in rows if row in shown]
    lines = max(row.count("\n") + 1 for row in rows)
    names = ["\n".join(shortened(line, 40) for line in row.split("\n")) for row in rows]
    kinds, at = list(dict.fromkeys(marks["kind"])), {row: -i for i, row in enumerate(rows)}
    with matplotlib.rc_context(theme()):
        titles = list(dict.fromkeys(marks["panel"]))
        figure, panels = _panels(titles)
        for axes, title in zip(panels, titles, strict=True):
            axes.hlines(list(at.values()), 0, 1, PALE, lw=0.6, zorder=0)
            for i, (kind, filled) in enumerate(zip(kinds, (True, False), strict=False)):
                for mark in marks.filter(panel=title, kind=kind).iter_rows(named=True):
                    color = colors[mark["family"]] if colors else INK
                    if mark["row"] in at:
                        y, style = at[mark["row"]], _mark(filled, color)
                        axes.plot(mark["above_chance"], y, zorder=4 - i, **style)
            left = min(-0.04, axes.get_xlim()[0])
            axes.set(xlim=(left, 1.04), ylim=(0.6 - len(rows), 0.6), xticks=[0, 0.5, 1])
            axes.set_yticks(list(at.values()), names)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
        panels[0].set_xlabel(AXIS, loc="left")
        handles = [
            Line2D([], [], label=kind, **_mark(filled, INK))
            for kind, filled in zip(kinds, (True, False), strict=False)
        ]
        _finish(figure, panels, note, handles, legend, LINE * lines * max(len(rows), 3))
    return figure


def _mark(filled, color):
    face = color if filled else "white"
    return {
        "marker": "o",
        "linestyle": "",
        "markersize": 5,
        "markerfacecolor": face,
        "markeredgecolor": color,
        "markeredgewidth": 0.9,
    }


def _matrices(pairs, note, legend):
    """Draw a matrix per measure of pairs (a, b, value below, above on the other side)."""
    if pairs.is_empty():
        return _absent(note)
    names = list(dict.fromkeys([*pairs["a"], *pairs["b"]]))
    measures = [measure for measure in TITLES if measure in set(pairs["measure"])]
    with matplotlib.rc_context(theme()):
        shape = (1, len(measures)) if len(names) <= SIDE_BY_SIDE else (len(measures), 1)
        figure, panels = new_figure(*shape, sharey=True)
        for axes, measure in zip(panels.flat, measures, strict=True):
            image = _matrix(axes, names, pairs.filter(measure=measure))
            axes.set_title(TITLES[measure], loc="left", size=7)
        inset = panels[-1, -1].inset_axes((1.04, 0.1, 0.04, 0.8))
        bar = figure.colorbar(image, cax=inset, label="agreement", ticks=[0, 0.5, 1])
        bar.outline.set_visible(False)
        _finish(figure, panels, f"{legend}{note}", [], None)
    return figure


def _matrix(axes, names, pairs):
    at = {name: i for i, name in enumerate(names)}
    colors = np.full((len(names), len(names)), np.nan)
    numbers = len(names) <= MOST_NUMBERS
    for row in pairs.iter_rows(named=True):
        i, j = at[row["a"]], at[row["b"]]  # i < j: names are in the order of pairs
        cells = ((j, i, "above_chance", "value"), (i, j, "above_color", "above"))
        for y, x, color, number in cells:
            if row[number] is None:
                continue
            colors[y, x] = row[color]
            ink = "white" if row[color] < 0.6 else INK
            if numbers:
                text = (
                    f"{row[number]:.2f}".replace("-", "−").replace("0.", ".").replace("1.00", "1")
                )
                axes.text(x, y, text, color=ink, ha="center", va="center", size=5)
    style = {"cmap": "viridis", "vmin": 0, "vmax": 1, "interpolation": "none"}
    image = axes.imshow(colors, aspect="auto", **style)
    names = [shortened(name, 20) for name in names]
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, labelsize=5 if len(names) > SIDE_BY_SIDE else 6)
    axes.spines[:].set_visible(False)
    return image
