"""The map: models as points, those that predict alike near each other."""

from textwrap import fill

import matplotlib
import numpy as np
import polars as pl
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from modelmap.figures.labels import draw_labels
from modelmap.figures.points import (
    LINEAGE,
    draw_legend,
    draw_points,
    join,
    lineage,
    look,
    marker_size,
)
from modelmap.figures.style import GRAY, edge, theme

WIDTH = 7.0  # inches
FLATNESS = 0.45, 0.75  # least and largest height, in widths
N_LABELS = 30
NAMED = 300  # models; of more only N_LABELS are named: places for names take minutes to find


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
    labels : {"representative", "all"}
        Name some models, or every one on a figure that grows with their number. Of more than NAMED
        models N_LABELS are named in either case, and the note says so.
    note : str
        How faithful the map is; stands below it.
    ellipses : tuple of float and str, optional
        Their Mahalanobis radius, and their name in the legend: (2.5, "95 % ellipse"). If most are
        wider than the map they are not drawn, and the note says so.
    reason : str, optional
        What the figure says in place of an embedding that has no rows.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If `labels` is another word.
    """
    if labels not in ("representative", "all"):
        raise ValueError(f"labels is {labels!r}, expected 'representative' or 'all'")
    points = join(embedding, models)
    limit = N_LABELS if points.height > NAMED else None
    if limit:
        labels = "representative"
        note = f"{note}; {limit} of {points.height:,} models are named".lstrip("; ")
    with matplotlib.rc_context(theme()):
        growth = max(1, points.height / 50) ** 0.5 if labels == "all" else 1
        drawing = Figure(growth * _size(points)).add_axes((0, 0, 1, 1))
        drawing.set_title(title, loc="left", fontweight="bold")
        if points.is_empty():
            drawing.text(0.5, 0.5, fill(reason or "no models to draw", 70), ha="center")
        else:
            if ellipses and _wider_than_the_map(points, ellipses[0]):
                note = f"{note}; {ellipses[1]}s are wider than the map, and not drawn".lstrip("; ")
                ellipses = None
            first = representatives(embedding, models)[:limit]
            _draw(drawing, points, look(points, models), first, labels, ellipses)
            _write_below(drawing, note)
        drawing.set(xlabel=axes[0], ylabel=axes[1], xticks=[], yticks=[])
    return drawing.figure


def _draw(axes, points, look, first, labels, ellipses):
    colors, markers = look
    axes.margins(0.08)
    axes.set_aspect("equal", adjustable="datalim")
    draw_points(axes, points, colors, markers)
    if ellipses:
        _draw_ellipses(axes, points, colors, *ellipses)
    if lines := lineage(points):
        style = {"color": LINEAGE, "linewidth": 0.7, "zorder": 1, "label": "parent to child"}
        axes.add_collection(LineCollection(lines, **style), autolim=False)
    draw_legend(axes)
    axes.autoscale_view()
    axes.apply_aspect()
    rest = [model for model in points["model"] if model not in set(first)]
    chosen = pl.DataFrame({"model": first + rest if labels == "all" else first})
    rows = chosen.join(points, on="model", maintain_order="left")
    draw_labels(
        axes,
        rows.select("x", "y").to_numpy(),
        rows["label"],
        [edge(colors[family]) for family in rows["family"]],
        obstacles=points.select("x", "y").to_numpy(),
        size=5.5 if labels == "all" and points.height > 30 else 6.5,
        marker=marker_size(points.height),
        required=rows.height if labels == "all" else len(colors),
    )


def _wider_than_the_map(points, radius):
    width, height = np.ptp(points.select("x", "y").to_numpy(), axis=0)
    trace = points.select(pl.col("ellipse_xx") + pl.col("ellipse_yy")).to_series()
    return radius * np.sqrt(trace.median() or 0) > max(width, height) / 2


def _draw_ellipses(axes, points, colors, radius, label):
    """Draw them faintly below the points; the axes hold them whole."""
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
    axes.plot([], [], "o", markersize=9, label=label, **face)


def _write_below(axes, note):
    """Write to the right of the figure's foot, below the axis' name."""
    below = axes.transAxes + ScaledTranslation(0, -22 / 72, axes.figure.dpi_scale_trans)
    style = {"ha": "right", "va": "top", "fontsize": 6.5, "color": "#555555"}
    axes.figure.text(1, 0, note, transform=below, **style)


def _size(points):
    """Width and height in inches: as flat as the map is, within limits."""
    if points.is_empty():
        return WIDTH * np.array([1, FLATNESS[0]])
    wide, high = np.ptp(points.select("x", "y").to_numpy(), axis=0)
    return WIDTH * np.array([1, np.clip(high / wide if wide else 1, *FLATNESS)])


def representatives(embedding, models, limit=N_LABELS):
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
