"""The distances themselves, as a clustered heat map."""

from textwrap import fill

import matplotlib
import numpy as np
import polars as pl
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from modelmap.figures.points import join, look
from modelmap.figures.style import theme

TREE = 0.6
MOST = 2000  # models
NAMED = (
    300  # models; of more, no names, cells as pixels, and no search for the best order of leaves
)


def distance_heatmap(names, d2, models):
    """Draw all pairs' KL divergence, models in the order of a clustering by average linkage on d².

    Parameters
    ----------
    names : list of str
    d2 : array of shape (n_models, n_models)
        Squared distances, nats², of the models with these names.
    models : DataFrame
        Columns model, label, family, recipe; only the first must be there.

    Returns
    -------
    Figure
        Which grows with the number of models, for each has its name; of more than NAMED models, of
        fixed size and without names. Of fewer than two models, or of more than MOST, it says so.
    """
    if not 2 <= len(names) <= MOST:
        figure = Figure((4, 1))
        figure.text(0.5, 0.5, fill(_absent(len(names)), 60), ha="center", va="center")
        return figure
    rows, many = join(pl.DataFrame({"model": names}), models), len(names) > NAMED
    colors, _ = look(rows, models)
    strip = [colors[family] for family in rows["family"]]
    tree = linkage(squareform(d2), "average", optimal_ordering=not many)
    # Heights of the tree are roots of d², as the colors are roots of KL
    tree[:, 2] **= 0.5
    kl = np.asarray(d2) / 2
    font = 5.5 if len(names) > 20 else 6.5
    labels = False if many else rows["label"].to_list()
    width = 0 if many else 0.6 * font / 72 * rows["label"].str.len_chars().max()
    inches = TREE + width + max(1.5, min(0.2 * len(names), 4), (0 if many else 0.09 * len(names)))
    small = {"xtick.labelsize": font, "ytick.labelsize": font, "xtick.major.pad": 1}
    with matplotlib.rc_context(theme() | small | {"ytick.major.pad": 1}):
        grid = sns.clustermap(
            kl,
            row_linkage=tree,
            col_linkage=tree,
            row_colors=strip,
            col_colors=strip,
            xticklabels=labels,
            yticklabels=labels,
            rasterized=many,
            cmap="viridis",
            norm=PowerNorm(0.5, vmin=0, vmax=kl.max() or 1.0),
            figsize=(inches, inches),
            dendrogram_ratio=TREE / inches,
            colors_ratio=0.1 / inches,
            cbar_pos=(1 + 0.15 / inches, 0.15, 0.12 / inches, 1.2 / inches),
            cbar_kws={"label": "KL divergence (nats)"},
        )
        plt.close(grid.figure)
        grid.ax_heatmap.tick_params(length=0)
        legend = grid.figure.legend(
            handles=[Patch(color=color, label=family) for family, color in colors.items()],
            title="Family",
            loc="upper left",
            bbox_to_anchor=(1, 1),
            alignment="left",
            ncols=1 + len(colors) // 20,
        )
        legend.get_title().set_fontweight("bold")
    return grid.figure


def _absent(n_models):
    if n_models < 2:
        return "A heat map needs at least 2 models with scores."
    return (
        f"No heat map is drawn of {n_models} models, only of up to {MOST}: distances.npy has all."
    )
