"""Models as points: their table, their colors and markers, and the legend that names those."""

import polars as pl
import seaborn as sns

from modelmap.figures.labels import draw_labels
from modelmap.figures.style import BASE, INK, UNKNOWN, edge, family_colors, recipe_markers

LINEAGE = "#CCCCCC"
ROWS = 28


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
    return 6.5 if n_points <= 30 else 5.5 if n_points <= 80 else 4.5


def draw_points(axes, points, colors, markers):
    """Draw the columns x and y of a table that `join` returned, in what `look` returned."""
    sns.scatterplot(
        points.rename({"family": "Family", "recipe": "Recipe"}).to_dict(as_series=False),
        x="x",
        y="y",
        hue="Family",
        hue_order=list(colors),
        palette=colors,
        # A legend which could only say "base" is left out
        style="Recipe" if set(markers) != {BASE} else None,
        style_order=list(markers),
        markers={recipe: marker.matplotlib for recipe, marker in markers.items()},
        s=marker_size(points.height) ** 2,
        edgecolor=INK,
        linewidth=0.4,
        zorder=3,
        legend="full",
        ax=axes,
    )


def name_points(axes, points, chosen, colors, *, marker=None, obstacles=None):
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
        size=6.5,
        marker=marker or marker_size(points.height),
        required=0,
    )


def draw_legend(axes):
    """Write seaborn's legend, and whatever else has a label, to the right of the axes."""
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.legend(
        handles,
        labels,
        title=axes.get_legend().get_title().get_text(),
        ncols=1 + len(handles) // ROWS,
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        borderaxespad=0,
        alignment="left",
    )
    legend.get_title().set_fontweight("bold")
    for text in legend.get_texts():
        if text.get_text() in ("Family", "Recipe"):
            text.set_fontweight("bold")
