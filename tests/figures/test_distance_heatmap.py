from itertools import groupby

import numpy as np
import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from modelmap.figures.heatmap import distance_heatmap
from modelmap.figures.style import family_colors, save


def parts(figure):
    """Name the axes: two trees, two strips, heat map, color bar."""
    names = ("left_tree", "tree", "down", "across", "main", "bar")
    return dict(zip(names, figure.axes, strict=True))


def cells_of(axes):
    return np.asarray(axes.collections[0].get_array())


def colors_of(axes):
    mesh = axes.collections[0]
    return [to_hex(color).upper() for color in mesh.to_rgba(mesh.get_array().ravel())]


def names_on(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_planted_clusters_stand_together(zoo):
    z = zoo(28, 4)
    shuffled = z.distances.sample(fraction=1, shuffle=True, seed=0)
    axes = parts(distance_heatmap(shuffled, z.models))
    families = [name.split("-")[0] for name in names_on(axes["main"].xaxis)]
    assert len(families) == 28
    assert len(list(groupby(families))) == 4
    assert names_on(axes["main"].yaxis) == names_on(axes["main"].xaxis)


def test_cells_and_strips_belong_to_the_names(zoo):
    z = zoo(9, 3)
    axes = parts(distance_heatmap(z.distances, z.models))
    model = dict(z.models.select("label", "model").iter_rows())
    order = [model[name] for name in names_on(axes["main"].xaxis)]
    kl = {(a, b): value for a, b, _, value in z.distances.iter_rows()}
    cells = cells_of(axes["main"])
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            expected = 0 if a == b else kl.get((a, b), kl.get((b, a)))
            assert cells[i, j] == pytest.approx(expected)
    colors = family_colors(z.models["family"])
    family = dict(z.models.select("model", "family").iter_rows())
    expected = [colors[family[name] or "unknown"] for name in order]
    assert colors_of(axes["across"]) == colors_of(axes["down"]) == expected


def test_the_bar_names_quantity_and_unit(zoo):
    axes = parts(distance_heatmap(zoo(5).distances, zoo(5).models))
    assert axes["bar"].get_ylabel() == "KL divergence (nats)"


@pytest.mark.parametrize("k", [2, 3, 56, 150])
def test_every_name_fits_its_row(zoo, k):
    z = zoo(k, 2)
    figure = distance_heatmap(z.distances, z.models)
    main = parts(figure)["main"]
    for at, labels in ((0, main.get_xticklabels()), (1, main.get_yticklabels())):
        centers = [label.get_window_extent().get_points().mean(axis=0)[at] for label in labels]
        assert len(centers) == k
        size = labels[0].get_fontsize() * figure.dpi / 72
        assert np.abs(np.diff(centers)).min() >= size


def test_no_figure_stays_open(zoo):
    distance_heatmap(zoo(3).distances, zoo(3).models)
    assert not plt.get_fignums()


def test_equal_models_are_drawn(zoo):
    z = zoo(3)
    zero = z.distances.with_columns(d2_nats2=pl.lit(0.0), kl_nats=pl.lit(0.0))
    axes = parts(distance_heatmap(zero, z.models))
    assert not cells_of(axes["main"]).any()


def test_without_a_pair_it_says_so(zoo):
    figure = distance_heatmap(zoo(2).distances.clear(), zoo(1, 1).models)
    assert [text.get_text() for text in figure.texts] == [
        "A heat map needs at least 2 models with scores."
    ]


def test_a_missing_pair_is_named(zoo):
    z = zoo(4)
    with pytest.raises(ValueError, match="there is none for m0 and m2"):
        distance_heatmap(z.distances.filter(pl.col("model_b") != "m2"), z.models)


def test_the_file_is_reproducible(zoo, tmp_path):
    for name in ("a.svg", "b.svg"):
        save(distance_heatmap(zoo(20).distances, zoo(20).models), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "Family0-0.5-1B-base</text>" in (tmp_path / "a.svg").read_text()
