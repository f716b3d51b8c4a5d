"""The distances themselves, as a clustered heat map."""

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


def distance_heatmap(distances, models):
    """Draw all pairs' KL divergence, models in the order of a clustering by average linkage on d².

    Parameters
    ----------
    distances : DataFrame
        Columns model_a, model_b, d2_nats2, kl_nats; each pair once.
    models : DataFrame
        Columns model, label, family, recipe; only the first must be there.

    Returns
    -------
    Figure
        Which grows with the number of models, for each has its name. Without any pair it says so.

    Raises
    ------
    ValueError
        If a pair is missing.
    """
    names = sorted({*distances["model_a"], *distances["model_b"]})
    if len(names) < 2:
        figure = Figure((4, 1))
        figure.text(0.5, 0.5, "A heat map needs at least 2 models with scores.", ha="center")
        return figure
    rows = join(pl.DataFrame({"model": names}), models)
    colors, _ = look(rows, models)
    strip = [colors[family] for family in rows["family"]]
    tree = linkage(squareform(_square(distances, names, "d2_nats2")), "average", True)
    # Heights of the tree are roots of d², as the colors are roots of KL
    tree[:, 2] **= 0.5
    kl = _square(distances, names, "kl_nats")
    font = 5.5 if len(names) > 20 else 6.5
    width = 0.6 * font / 72 * rows["label"].str.len_chars().max()
    inches = TREE + width + max(1.5, min(0.2 * len(names), 4), 0.09 * len(names))
    small = {"xtick.labelsize": font, "ytick.labelsize": font, "xtick.major.pad": 1}
    with matplotlib.rc_context(theme() | small | {"ytick.major.pad": 1}):
        grid = sns.clustermap(
            kl,
            row_linkage=tree,
            col_linkage=tree,
            row_colors=strip,
            col_colors=strip,
            xticklabels=rows["label"].to_list(),
            yticklabels=rows["label"].to_list(),
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


def _square(distances, names, column):
    """Return a column of the pairs as a symmetric matrix of shape (n_models, n_models)."""
    at = {name: i for i, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(matrix, 0.0)
    for a, b, value in distances.select("model_a", "model_b", column).iter_rows():
        matrix[at[a], at[b]] = matrix[at[b], at[a]] = np.nan if value is None else value
    missing = np.argwhere(np.isnan(matrix))
    if len(missing):
        pair = " and ".join(names[i] for i in missing[0])
        raise ValueError(f"{column}: expected a number for each pair, there is none for {pair}")
    return matrix
