"""Models as points: their table, their colors and markers, and the legend that names those."""

import polars as pl
from matplotlib.lines import Line2D

from modelmap.figures.labels import draw_labels
from modelmap.figures.layout import draw_legend
from modelmap.figures.style import (
    BASE,
    INK,
    UNKNOWN,
    edge,
    family_colors,
    outline,
    recipe_markers,
)

LINEAGE = "#CCCCCC"


def named(models):
    """Fill what a sheet may leave empty.

    Parameters
    ----------
    models : DataFrame
        Columns model, and where known label, family, generation, recipe, parent.

    Returns
    -------
    DataFrame
        The same rows with those columns as strings: an empty label is the model's name, an empty
        family "unknown", an empty recipe "base".
    """
    fallbacks = {"label": pl.col("model"), "family": pl.lit(UNKNOWN), "generation": pl.lit("")}
    fallbacks |= {"recipe": pl.lit(BASE), "parent": pl.lit("")}
    missing = [pl.lit(None).alias(column) for column in fallbacks if column not in models.columns]
    return models.with_columns(missing).with_columns(
        pl.col(column).cast(pl.String).replace("", None).fill_null(fallback)
        for column, fallback in fallbacks.items()
    )


def join(points, models):
    """Return the points in their own order, each with the columns of its model."""
    columns = [c for c in models.columns if c == "model" or c not in points.columns]
    return named(points.join(models.select(columns), on="model", how="left", maintain_order="left"))


def look(points, models):
    """Share out colors and markers.

    Parameters
    ----------
    points : DataFrame
        The rows that are drawn, as `join` returns them.
    models : DataFrame
        The whole sheet, among whose families and recipes colors and markers are shared out, so
        that a subset drawn alone looks the same.

    Returns
    -------
    colors : dict
        Family to color, for the families drawn.
    markers : dict
        Recipe to `Marker`, for the recipes drawn.
    """
    every = pl.concat([table.select("family", "recipe") for table in (named(models), points)])
    colors, markers = family_colors(every["family"]), recipe_markers(every["recipe"])
    families, recipes = set(points["family"]), set(points["recipe"])
    return (
        {family: color for family, color in colors.items() if family in families},
        {recipe: marker for recipe, marker in markers.items() if recipe in recipes},
    )


def lineage(points):
    """Return a line, two pairs (x, y), from each parent that is drawn to its child."""
    at = {row["model"]: (row["x"], row["y"]) for row in points.iter_rows(named=True)}
    return [
        (at[parent.strip()], at[child])
        for child, parents in points.select("model", "parent").iter_rows()
        for parent in parents.split(",")
        if parent.strip() in at
    ]


def marker_size(n_points):
    """Return the diameter of a marker in points: smaller where there are many."""
    return 6 if n_points <= 30 else 5 if n_points <= 80 else 4 if n_points <= 300 else 3


def draw_points(axes, points, colors, markers, scale=1.0):
    """Draw the columns x and y of a table that `join` returned, in what `look` returned."""
    for (recipe,), some in points.group_by("recipe", maintain_order=True):
        looks = [outline(colors[family]) for family in some["family"]]
        faces, lines, widths = zip(*looks, strict=True)
        axes.scatter(
            *some.select("x", "y").to_numpy().T,
            s=(scale * marker_size(points.height)) ** 2,
            marker=markers[recipe].matplotlib,
            facecolors=faces,
            edgecolors=lines,
            linewidths=[scale * width for width in widths],
            zorder=3,
        )


def name_points(axes, points, chosen, colors, *, marker=None, obstacles=None, size=6):
    """Write the names of the chosen points (indices), as far as there is room.

    `marker` is the diameter of what is drawn at a point, in points, and `obstacles` (data
    coordinates) are all places that names keep clear of, where these are not just the markers.
    """
    xy, rows = points.select("x", "y").to_numpy(), points[chosen]
    draw_labels(
        axes,
        xy[chosen],
        rows["label"],
        [edge(colors[family]) for family in rows["family"]],
        obstacles=xy if obstacles is None else obstacles,
        size=size,
        marker=marker or marker_size(points.height),
        required=0,
    )


def some_of_each(families, limit):
    """Choose rows to name where there is no room for all: of each family, then evenly.

    Parameters
    ----------
    families : sequence of str
        One per row, in the order of rows.
    limit : int

    Returns
    -------
    list of int
        Ascending, at most `limit`; the middle one of each family that has a place is among them.
    """
    rows = {}
    for row, family in enumerate(families):
        rows.setdefault(family, []).append(row)
    largest = sorted(rows.values(), key=len, reverse=True)[:limit]
    chosen = {some[len(some) // 2] for some in largest}
    left = [row for row in range(len(families)) if row not in chosen]
    n = min(limit - len(chosen), len(left))
    return sorted(chosen | {left[(2 * i + 1) * len(left) // (2 * n)] for i in range(n)})


def family_handles(colors):
    """Return a mark for each family, for a legend."""
    return [_mark(family, "o", color) for family, color in colors.items()]


def draw_legends(figure, colors, markers, others=(), **room):
    """Draw the legends of families, of recipes (unless all are base), and of what else there is.

    `others` are handles; `room` says how wide or high each may be, see `layout.draw_legend`.

    Returns
    -------
    list of Legend
        For `layout.fit`.
    """
    recipes = [_mark(recipe, marker.matplotlib, None) for recipe, marker in markers.items()]
    parts = {"Family": family_handles(colors), "Recipe": recipes if set(markers) != {BASE} else []}
    parts |= {None: list(others)}
    return [draw_legend(figure, some, title, **room) for title, some in parts.items() if some]


def _mark(label, marker, color):
    face, line, width = outline(color) if color else ("#DDDDDD", INK, 0.6)
    style = {"markerfacecolor": face, "markeredgecolor": line, "markeredgewidth": width}
    return Line2D([], [], linestyle="", marker=marker, markersize=5, label=label, **style)
