"""The map: models as points, those that predict alike near each other."""

import matplotlib
import numpy as np
import polars as pl
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.lines import Line2D

from modelmap.figures.labels import draw_labels
from modelmap.figures.layout import (
    COLUMN,
    HIGHEST,
    PAGE,
    absence,
    draw_note,
    fit,
    new_figure,
)
from modelmap.figures.points import (
    LINEAGE,
    draw_legends,
    draw_points,
    join,
    lineage,
    look,
    marker_size,
)
from modelmap.figures.style import GRAY, edge, theme

NAMED = 150  # models; of more not every one is named
# How a map is drawn: its width; least and largest height of the plot, in widths; names; their size
FORMS = {
    "representative": (PAGE, (0.42, 0.8), 36, 6),
    "all": (PAGE, (0.42, 0.8), NAMED, 5),
    "column": (COLUMN, (0.6, 1.0), 12, 5.5),
}
TALLEST = (HIGHEST - 0.6) / (PAGE - 1.2)  # plot, in widths, with a title and legends
SURE = 30  # names that are written even where there is no free place, but for a column


def endings(n_models):
    """Return how a map of so many models is drawn, and the endings of its files' stems.

    Representatives of few models are all of them: the two are then one picture.
    """
    if n_models <= SURE:
        return {"representative": ("", "_all"), "column": ("_column",)}
    return {"representative": ("",), "all": ("_all",), "column": ("_column",)}


def map_figure(embedding, models, *, axes, title, labels, note="", ellipses=None, reason=None):
    """Draw an embedding: color is family, marker is recipe, gray lines lead from parent to child.

    Parameters
    ----------
    embedding : DataFrame
        Columns model, x, y, and where there are ellipses ellipse_xx, ellipse_xy, ellipse_yy.
    models : DataFrame
        Columns model, label, family, generation, recipe, parent; only the first must be there.
        All its families share out the colors, drawn or not.
    axes : tuple of str
        Names of the axes, such as ("PC 1 (81 %)", "PC 2 (7 %)"); neither has numbers, for the
        axes of t-SNE and UMAP have no unit.
    title : str
    labels : {"representative", "all", "column"}
        Name some models; every one, on a figure that is the higher the more there are, or of more
        than NAMED as many as there is room for; or few, one column of a paper wide.
    note : str
        How faithful the map is; stands below it, with how many are named where not all are.
    ellipses : tuple of float and str, optional
        Their Mahalanobis radius, and their name in the legend: (2.5, "95 % ellipse"). If most are
        wider than the map they are not drawn, and the note says so.
    reason : str, optional
        What the figure says in place of an embedding that has no rows.

    Returns
    -------
    figure : Figure
    drawn : DataFrame
        Columns model, label, family, generation, recipe, parent, named (whether its label is on
        the figure), and those of the embedding.

    Raises
    ------
    ValueError
        If `labels` is another word.
    """
    if labels not in FORMS:
        raise ValueError(f"labels is {labels!r}, expected one of {', '.join(FORMS)}")
    points, width = join(embedding, models), FORMS[labels][0]
    if points.is_empty():
        with matplotlib.rc_context(theme()):
            why = absence(f"{title}: {reason or 'no models to draw'}", width)
        return why, _data(points, set())
    if ellipses and _wider_than_the_map(points, ellipses[0]):
        note = f"{note}; {ellipses[1]}s are wider than the map, and not drawn"
        ellipses = None
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        panels[0, 0].set_title(title, loc="left", fontweight="bold")
        panels[0, 0].set(xlabel=axes[0], ylabel=axes[1], xticks=[], yticks=[])
        looks = look(points, models)
        others = _draw(panels[0, 0], points, looks, ellipses, labels)
        place = _lay_out(figure, panels, points, looks, others, labels)
        first = representatives(embedding, models, FORMS[labels][2])
        named = _name(panels[0, 0], points, first, looks[0], labels)
        if labels == "all" and len(named) < points.height:
            note = f"{note}; {len(named)} of {points.height:,} models are named"
        if note := note.removeprefix("; "):
            place["below"].append(draw_note(figure, note, width))
            fit(figure, panels, width, **place)
    return figure, _data(points, named)


def _data(points, named):
    told = ("model", "label", "family", "generation", "recipe", "parent")
    return points.select(
        *told, pl.col("model").is_in(list(named)).alias("named"), pl.exclude(*told)
    )


def _draw(axes, points, look, ellipses, labels):
    """Draw the map itself; return what its legend has beside families and recipes."""
    others = []
    axes.margins(0.08)
    axes.set_aspect("equal", adjustable="datalim")
    draw_points(axes, points, *look, scale=_scale(labels))
    if lines := lineage(points):
        style = {"color": LINEAGE, "linewidth": 0.7}
        axes.add_collection(LineCollection(lines, zorder=1, **style), autolim=False)
        others.append(Line2D([], [], label="parent to child", **style))
    if ellipses:
        others.append(_draw_ellipses(axes, points, look[0], *ellipses))
    return others


def _scale(labels):
    return 0.75 if labels == "column" else 1.0


def _lay_out(figure, panels, points, look, others, labels):
    """Place the map and its legends; return how, for `fit`."""
    width, flatness, *_ = FORMS[labels]
    wide, high = np.ptp(points.select("x", "y").to_numpy(), axis=0)
    ratio = np.clip(high / wide if wide else 1, *flatness)
    if labels == "all":
        ratio = min(ratio * max(1, min(points.height, NAMED) / 50) ** 0.5, TALLEST)
    narrow = labels == "column"
    room = {"across": width} if narrow else {"down": 0.8 * ratio * width}
    legends = draw_legends(figure, *look, others, **room)
    place = {"beside": [], "below": []} | {"below" if narrow else "beside": legends}
    fit(figure, panels, width, ratio=ratio, **place)
    panels[0, 0].autoscale_view()
    panels[0, 0].apply_aspect()
    return place | {"ratio": ratio}


def _name(axes, points, first, colors, labels):
    """Write names, those of `first` before the others; return whose are written."""
    _, _, limit, size = FORMS[labels]
    rest = [model for model in points["model"] if model not in set(first)]
    rows = pl.DataFrame({"model": [*first, *rest][: max(limit, len(first))]})
    rows = rows.join(points, on="model", maintain_order="left")
    every = limit if labels == "all" and points.height <= limit else 0
    written = draw_labels(
        axes,
        rows.select("x", "y").to_numpy(),
        rows["label"],
        [edge(colors[family]) for family in rows["family"]],
        obstacles=points.select("x", "y").to_numpy(),
        size=size,
        marker=_scale(labels) * marker_size(points.height),
        required=8 if labels == "column" else max(SURE, len(colors), every),
    )
    return rows["model"].filter(written).to_list()


def _wider_than_the_map(points, radius):
    width, height = np.ptp(points.select("x", "y").to_numpy(), axis=0)
    trace = points.select(pl.col("ellipse_xx") + pl.col("ellipse_yy")).to_series()
    return radius * np.sqrt(trace.median() or 0) > max(width, height) / 2


def _draw_ellipses(axes, points, colors, radius, label):
    """Draw them faintly below the points; the axes hold them whole. Return their mark."""
    xy = points.select("x", "y").to_numpy()
    columns = ("ellipse_xx", "ellipse_xy", "ellipse_xy", "ellipse_yy")
    covariance = points.select(*[pl.col(c).alias(str(i)) for i, c in enumerate(columns)]).to_numpy()
    values, vectors = np.linalg.eigh(covariance.reshape(-1, 2, 2))
    minor, major = 2 * radius * np.sqrt(np.maximum(values, 0)).T
    fills = [colors[family] for family in points["family"]]
    axes.add_collection(
        EllipseCollection(
            major,
            minor,
            np.degrees(np.arctan2(vectors[:, 1, 1], vectors[:, 0, 1])),
            units="xy",
            offsets=xy,
            offset_transform=axes.transData,
            facecolors=[(fill, 0.08) for fill in fills],
            edgecolors=[(fill, 0.4) for fill in fills],
            linewidths=0.4,
            zorder=0.5,
        ),
        autolim=False,
    )
    half = radius * np.sqrt(covariance[:, [0, 3]])
    axes.update_datalim(np.vstack([xy - half, xy + half]))
    face = {"markerfacecolor": (GRAY, 0.15), "markeredgecolor": GRAY, "markeredgewidth": 0.4}
    return Line2D([], [], linestyle="", marker="o", markersize=8, label=label, **face)


def representatives(embedding, models, limit=SURE):
    """Choose the models whose labels tell most about a map.

    Parameters
    ----------
    embedding : DataFrame
        Columns model, x, y.
    models : DataFrame
        Columns model, family, generation.
    limit : int
        How many to choose, if there are no more families than that.

    Returns
    -------
    list of str
        One model of each family, the medoid of its largest generation; then the medoids of the
        other generations, then other models, each time the one farthest from those chosen.
    """
    points = join(embedding, models)
    xy = points.select("x", "y").to_numpy()
    groups = points.with_row_index().group_by("family", "generation", maintain_order=True)
    groups = groups.agg("index").sort(
        pl.col("index").list.len(), descending=True, maintain_order=True
    )
    groups = groups.with_columns(
        medoid=pl.Series([_medoid(xy, rows) for rows in groups["index"]], dtype=pl.Int64)
    )
    chosen = groups.unique("family", keep="first", maintain_order=True)["medoid"].to_list()
    for pool in (groups["medoid"].to_list(), range(len(xy))):
        chosen = _farthest_first(xy, chosen, pool, limit)
    return [points["model"][i] for i in chosen]


def _medoid(xy, rows):
    inside = xy[rows.to_numpy()]
    total = np.linalg.norm(inside[:, None] - inside[None], axis=2).sum(axis=1)
    return int(rows[int(total.argmin())])


def _farthest_first(xy, chosen, pool, limit):
    """Extend the chosen from the pool, each time by the point farthest from all of them."""
    chosen, left = list(chosen), [i for i in pool if i not in set(chosen)]
    while left and len(chosen) < limit:
        gaps = np.linalg.norm(xy[left][:, None] - xy[chosen][None], axis=2).min(axis=1)
        chosen.append(left.pop(int(gaps.argmax())))
    return chosen
