from itertools import groupby

import numpy as np
import polars as pl
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from modelmap.figures.heatmap import distance_heatmap
from modelmap.figures.style import family_colors, save


def drawn(distances, models):
    """Draw a table of pairs."""
    names = sorted({*distances["model_a"], *distances["model_b"]})
    d2 = np.zeros((len(names), len(names)))
    for a, b, value in distances.select("model_a", "model_b", "d2_nats2").iter_rows():
        i, j = names.index(a), names.index(b)
        d2[i, j] = d2[j, i] = value
    return distance_heatmap(names, d2, models)


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
    axes = parts(drawn(shuffled, z.models))
    families = [name.split("-")[0] for name in names_on(axes["main"].xaxis)]
    assert len(families) == 28
    assert len(list(groupby(families))) == 4
    assert names_on(axes["main"].yaxis) == names_on(axes["main"].xaxis)


def test_cells_and_strips_belong_to_the_names(zoo):
    z = zoo(9, 3)
    axes = parts(drawn(z.distances, z.models))
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
    axes = parts(drawn(zoo(5).distances, zoo(5).models))
    assert axes["bar"].get_ylabel() == "KL divergence (nats)"


@pytest.mark.parametrize("k", [2, 3, 56, 150])
def test_every_name_fits_its_row(zoo, k):
    z = zoo(k, 2)
    figure = drawn(z.distances, z.models)
    main = parts(figure)["main"]
    for at, labels in ((0, main.get_xticklabels()), (1, main.get_yticklabels())):
        centers = [label.get_window_extent().get_points().mean(axis=0)[at] for label in labels]
        assert len(centers) == k
        size = labels[0].get_fontsize() * figure.dpi / 72
        assert np.abs(np.diff(centers)).min() >= size


def test_no_figure_stays_open(zoo):
    drawn(zoo(3).distances, zoo(3).models)
    assert not plt.get_fignums()


def test_equal_models_are_drawn(zoo):
    z = zoo(3)
    zero = z.distances.with_columns(d2_nats2=pl.lit(0.0), kl_nats=pl.lit(0.0))
    axes = parts(drawn(zero, z.models))
    assert not cells_of(axes["main"]).any()


def test_without_a_pair_it_says_so(zoo):
    figure = drawn(zoo(2).distances.clear(), zoo(1, 1).models)
    assert [text.get_text() for text in figure.texts] == [
        "A heat map needs at least 2 models with scores."
    ]


def test_of_many_models_cells_are_pixels_without_names(zoo):
    z = zoo(301, 5)
    figure = drawn(z.distances, z.models)
    main = parts(figure)["main"]
    assert main.collections[0].get_rasterized()
    assert not names_on(main.xaxis)
    assert max(figure.get_size_inches()) < 10


def test_of_too_many_models_it_says_so(zoo):
    figure = distance_heatmap(["a"] * 2001, np.zeros((2001, 2001)), zoo(1, 1).models)
    assert "of 2001 models" in figure.texts[0].get_text()


def test_the_file_is_reproducible(zoo, tmp_path):
    for name in ("a.svg", "b.svg"):
        save(drawn(zoo(20).distances, zoo(20).models), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "Family0-0.5-1B-base</text>" in (tmp_path / "a.svg").read_text()
