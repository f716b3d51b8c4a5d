"""The distances themselves, as a clustered heat map."""

import matplotlib
import numpy as np
import polars as pl
from matplotlib.collections import LineCollection
from matplotlib.colors import PowerNorm, to_rgb
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from modelmap.figures.labels import spread
from modelmap.figures.layout import COLUMN, PAGE, absence, draw_legend, fit, new_figure, shortened
from modelmap.figures.points import family_handles, join, look, some_of_each
from modelmap.figures.style import edge, theme

MOST = 2000  # models
NARROW = 20  # models; more need the width of a page
N_LABELS = 60  # of more models some are named
ORDERED = 300  # models; of more, no search for the best order of leaves


def distance_heatmap(names, d2, models):
    """Draw all pairs' KL divergence, models in the order of a clustering by average linkage on d².

    Parameters
    ----------
    names : list of str
    d2 : array of shape (n_models, n_models)
        Squared distances, nats², of the models with these names.
    models : DataFrame
        Columns model, label, family; only the first must be there.

    Returns
    -------
    figure : Figure
        Of more than N_LABELS models so many are named, of each family where that is possible. Of
        fewer than two models, or of more than MOST, it says so.
    drawn : DataFrame
        A row and a column per model, in the order drawn: KL divergence in nats. The first column
        is `model/kl_nats`, and has the rows' names.
    """
    if not 2 <= len(names) <= MOST:
        with matplotlib.rc_context(theme()):
            return absence(_absent(len(names))), _table([], np.zeros((0, 0)))
    # Heights of the tree are roots of d², as the colors are roots of KL
    tree = linkage(squareform(d2), "average", optimal_ordering=len(names) <= ORDERED)
    tree[:, 2] **= 0.5
    tree = dendrogram(tree, no_plot=True)
    order = tree["leaves"]
    kl = np.asarray(d2)[np.ix_(order, order)] / 2
    rows = join(pl.DataFrame({"model": [names[i] for i in order]}), models)
    colors, _ = look(rows, models)
    width = COLUMN if len(names) <= NARROW else PAGE
    with matplotlib.rc_context(theme()):
        figure, panels = new_figure()
        axes = panels[0, 0]
        norm = PowerNorm(0.5, vmin=0, vmax=kl.max() or 1.0)
        image = axes.imshow(kl, cmap="viridis", norm=norm, aspect="auto", interpolation="none")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        _draw_sides(axes, tree, [to_rgb(colors[family]) for family in rows["family"]])
        inset = axes.inset_axes((0, -0.045, 0.4, 0.02))
        bar = figure.colorbar(image, cax=inset, orientation="horizontal")
        bar.set_label("KL divergence (nats)")
        bar.outline.set_visible(False)
        _name(axes, rows, colors, 5.5)
        families = draw_legend(figure, family_handles(colors), "Family", across=width)
        fit(figure, panels, width, ratio=1, below=[families])
    return figure, _table(rows["model"].to_list(), kl)


def _table(names, kl):
    columns = dict(zip(names, kl, strict=True))
    return pl.DataFrame({"model/kl_nats": pl.Series(names, dtype=pl.String)} | columns)


def _draw_sides(axes, tree, colors):
    """Families on the left and above, and the tree further left."""
    for place, shape in (((-0.03, 0, 0.02, 1), (-1, 1)), ((0, 1.01, 1, 0.02), (1, -1))):
        strip = axes.inset_axes(place)
        strip.imshow(np.reshape(colors, (*shape, 3)), aspect="auto", interpolation="none")
        strip.set_axis_off()
    side = axes.inset_axes((-0.19, 0, 0.155, 1))
    lines = [
        np.column_stack([heights, (np.array(rows) - 5) / 10])
        for heights, rows in zip(tree["dcoord"], tree["icoord"], strict=True)
    ]
    side.add_collection(LineCollection(lines, color="#666666", linewidth=0.5))
    highest = max(map(max, tree["dcoord"])) or 1
    side.set(xlim=(1.02 * highest, 0), ylim=(len(colors) - 0.5, -0.5))
    side.set_axis_off()


def _name(axes, rows, colors, size):
    """Names on the right: each at its row, or where there are many some, with a line to it."""
    n = rows.height
    chosen = some_of_each(rows["family"], N_LABELS) if n > N_LABELS else list(range(n))
    places = np.array(chosen, dtype=float)
    if len(chosen) < n:
        places = spread(places, n / N_LABELS)
    for row, place in zip(chosen, places, strict=True):
        label, family = rows.row(row, named=True)["label"], rows["family"][row]
        right = n - 0.5 + (0.03 * n if len(chosen) < n else 0)
        style = {"fontsize": size, "va": "center", "annotation_clip": False}
        style["color"] = edge(colors[family])
        axes.annotate(shortened(label), (right, place), (2, 0), textcoords="offset points", **style)
        if len(chosen) < n:
            line = ([n - 0.5, right], [row, place])
            axes.plot(*line, color="#888888", linewidth=0.4, clip_on=False)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5))


def _absent(n_models):
    if n_models < 2:
        return "A heat map needs at least 2 models with scores."
    return (
        f"No heat map is drawn of {n_models} models, only of up to {MOST}: distances.npy has all."
    )
