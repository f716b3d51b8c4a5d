from itertools import groupby, pairwise

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex

from modelmap.figures.heatmap import N_LABELS, distance_heatmap
from modelmap.figures.style import family_colors, save


def drawn(distances, models):
    """Draw a table of pairs."""
    names = sorted({*distances["model_a"], *distances["model_b"]})
    d2 = np.zeros((len(names), len(names)))
    for a, b, value in distances.select("model_a", "model_b", "d2_nats2").iter_rows():
        i, j = names.index(a), names.index(b)
        d2[i, j] = d2[j, i] = value
    return distance_heatmap(names, d2, models)[0]


def parts(figure):
    """Name the axes: heat map, two strips, tree, color bar."""
    (main,) = figure.axes
    names = ("down", "across", "tree", "bar")
    return dict(zip(names, main.child_axes, strict=True)) | {"main": main}


def cells_of(axes):
    return np.asarray(axes.images[0].get_array())


def colors_of(axes):
    return [to_hex(color).upper() for color in cells_of(axes).reshape(-1, 3)]


def names_on(axes):
    """Names from the first row down."""
    return [text.get_text() for text in sorted(axes.texts, key=lambda text: text.xy[1])]


def test_planted_clusters_stand_together(zoo):
    z = zoo(28, 4)
    shuffled = z.distances.sample(fraction=1, shuffle=True, seed=0)
    axes = parts(drawn(shuffled, z.models))
    families = [name.split("-")[0] for name in names_on(axes["main"])]
    assert len(families) == 28
    assert len(list(groupby(families))) == 4


def test_cells_and_strips_belong_to_the_names(zoo):
    z = zoo(9, 3)
    axes = parts(drawn(z.distances, z.models))
    model = dict(z.models.select("label", "model").iter_rows())
    order = [model[name] for name in names_on(axes["main"])]
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
    assert axes["bar"].get_xlabel() == "KL divergence (nats)"


@pytest.mark.parametrize("k", [2, 3, 20, 21, 60, pytest.param(150, marks=pytest.mark.slow)])
def test_every_name_fits_its_row_and_of_many_models_some_are_named(zoo, k):
    z = zoo(k, 2)
    main = parts(drawn(z.distances, z.models))["main"]
    assert len(main.texts) == min(k, N_LABELS)
    boxes = sorted((text.get_window_extent() for text in main.texts), key=lambda box: box.y0)
    assert all(a.y1 <= b.y0 + 1 for a, b in pairwise(boxes))


@pytest.mark.slow
def test_of_many_models_each_family_is_named_beside_a_line_to_its_row(zoo):
    z = zoo(301, 5)
    main = parts(drawn(z.distances, z.models))["main"]
    assert len(main.texts) == len(main.lines) == N_LABELS
    assert {text.get_text().split("-")[0] for text in main.texts} == {
        f"Family{i}" for i in range(5)
    }
    labels = {text.get_text(): text.xy[1] for text in main.texts}
    assert list(labels.values()) == [line.get_ydata()[1] for line in main.lines]
    np.testing.assert_allclose(
        [line.get_ydata()[0] for line in main.lines], list(labels.values()), atol=40
    )


def test_the_table_has_what_is_drawn(zoo):
    z = zoo(9, 3)
    names = z.models["model"].to_list()
    xy = z.embedding.select("x", "y").to_numpy()
    d2 = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    figure, table = distance_heatmap(names, d2, z.models)
    assert table.columns == ["model/kl_nats", *table["model/kl_nats"]]
    np.testing.assert_allclose(table.drop("model/kl_nats"), cells_of(parts(figure)["main"]))
    label = dict(z.models.select("model", "label").iter_rows())
    assert [label[m] for m in table["model/kl_nats"]] == names_on(parts(figure)["main"])


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


def test_of_too_many_models_it_says_so(zoo):
    figure, _ = distance_heatmap(["a"] * 2001, np.zeros((2001, 2001)), zoo(1, 1).models)
    assert "of 2001 models" in figure.texts[0].get_text()


def test_the_file_is_reproducible(zoo, tmp_path):
    for name in ("a.svg", "b.svg"):
        save(drawn(zoo(20).distances, zoo(20).models), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "Family0-0.5-1B-base</text>" in (tmp_path / "a.svg").read_text()
