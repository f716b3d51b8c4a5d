"""Figures of stability: every comparison is there, between chance and the same map."""

import numpy as np
import polars as pl
import pytest

from modelmap.figures import stability as figures
from modelmap.figures.style import edge, family_colors

MEASURES = ("cka", "overlap", "procrustes")


def rows(keys, value=0.6, chance=0.2, **more):
    """A row per measure for each of some dicts of keys."""
    found = {"value": value, "chance": chance, "above_chance": (value - chance) / (1 - chance)}
    return pl.DataFrame([key | {"measure": m} | found | more for key in keys for m in MEASURES])


def sample_rows():
    return rows(
        [
            {"n_samples": float(n), "against": against}
            for n in (250, 125, 62)
            for against in ("as many others", "all others")
        ],
        low=0.5,
        high=1.0,
    )


def pair_rows(names):
    return rows(
        [
            {"stratum_a": a, "stratum_b": b, "ceiling": 0.9}
            for i, a in enumerate(names)
            for b in names[i + 1 :]
        ]
    )


def texts(figure):
    return [text.get_text().replace("\n", " ") for text in figure.texts]


def dots(figure):
    """For each panel of a dot plot (x, row, filled) of its marks."""
    first = figure.axes[0]
    labels = [text.get_text() for text in first.get_yticklabels()]
    names = dict(zip(first.get_yticks(), labels, strict=True))
    return [
        sorted(
            (
                round(float(line.get_xdata()[0]), 6),
                names[line.get_ydata()[0]],
                line.get_markerfacecolor() != "white",
            )
            for line in axes.get_lines()
        )
        for axes in figure.axes
    ]


def test_a_panel_per_measure_with_its_curves_and_the_verdict_below():
    figure = figures.samples_figure(sample_rows(), "The verdict.")
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(figures.TITLES.values())
    for axes in figure.axes:
        curves = [line for line in axes.get_lines() if len(line.get_xdata()) == 3]
        assert [line.get_xdata().tolist() for line in curves] == [[62, 125, 250]] * 2
        np.testing.assert_allclose(curves[0].get_ydata(), 0.5)
        (band,) = axes.collections
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (pytest.approx(0.375), 1)
        assert axes.get_ylim()[0] < 0
    assert "The verdict." in texts(figure)


def test_left_out_families_keep_their_colors():
    table = pl.DataFrame(
        [
            {"left_out": f, "by": by, "n_left_out": n, "of": of, "measure": m, "above_chance": x}
            for f, n in (("b", 3), ("a", 2))
            for by, x in (("the family", 0.4), ("as many at random", 0.9))
            for of, m in (("first components", "procrustes"), ("t-SNE", "overlap"))
        ]
    )
    models = pl.DataFrame({"family": ["a", "b", "c"]})
    figure = figures.left_out_figure(table, "Note.", models)
    marks = [(0.4, "a (2)", True), (0.4, "b (3)", True)]
    marks += [(0.9, "a (2)", False), (0.9, "b (3)", False)]
    assert dots(figure) == [marks] * 2
    colors = {line.get_markeredgecolor() for line in figure.axes[0].get_lines()}
    assert colors == {edge(color) for color in list(family_colors("abc").values())[:2]}


def test_seeds_against_the_map_as_drawn_stand_out():
    table = pl.DataFrame(
        {
            "method": ["t-SNE"] * 3,
            "seed_a": [None, None, 1],
            "seed_b": [1, 2, 2],
            "measure": ["overlap"] * 3,
            "above_chance": [0.7, 0.8, 0.6],
        }
    )
    (marks,) = dots(figures.seeds_figure(table, "Note."))
    assert marks == [(0.6, "t-SNE", False), (0.7, "t-SNE", True), (0.8, "t-SNE", True)]


def test_datasets_stand_beside_halves_of_one():
    table = rows([{"map_a": "a", "map_b": "b", "n_models": 7}], ceiling=0.84)
    none = {"map_a": "a", "map_b": "c", "n_models": 1, "measure": None, "above_chance": None}
    figure = figures.datasets_figure(
        pl.concat([table, pl.DataFrame([none])], how="diagonal_relaxed"), "Note."
    )
    marks = [(0.5, "a, b\n(7 models)", True), (0.8, "a, b\n(7 models)", False)]
    assert dots(figure) == [marks] * 3


def test_of_very_many_pairs_the_least_alike_are_shown():
    n = figures.MOST_ROWS + 5
    table = pl.concat(
        rows([{"map_a": "a", "map_b": f"b{i}", "n_models": 7}], value=0.3 + i / 100, ceiling=None)
        for i in range(n)
    )
    figure = figures.datasets_figure(table, "Note.")
    shown = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert shown == [f"a, b{i}\n(7 models)" for i in range(figures.MOST_ROWS)]
    assert any(text.startswith(f"{n} rows, the 40 of least agreement") for text in texts(figure))


def test_two_kinds_below_the_diagonal_and_what_is_possible_above():
    figure = figures.strata_figure(pair_rows(["x", "y", "z"]), "Note.")
    panels = figure.axes
    assert len(panels) == 3
    for axes in panels:
        numbers = {text.get_position(): text.get_text() for text in axes.texts}
        assert numbers == {
            (x, y): ".60" if y > x else ".90" for x in range(3) for y in range(3) if x != y
        }
        colors = axes.images[0].get_array()
        assert colors[1, 0] == pytest.approx(0.5)
        assert colors[0, 1] == pytest.approx(0.875)


def test_methods_are_a_symmetric_matrix():
    table = rows([{"method_a": "distances", "method_b": "PCA"}]).filter(measure="overlap")
    (axes,) = figures.methods_figure(table, "Note.").axes
    assert {text.get_text() for text in axes.texts} == {".60"}
    assert len(axes.texts) == 2


def test_numbers_are_left_out_of_large_matrices():
    names = [f"s{i}" for i in range(figures.MOST_NUMBERS + 1)]
    figure = figures.strata_figure(pair_rows(names), "Note.")
    assert not figure.axes[0].texts


@pytest.mark.parametrize(
    "figure",
    [
        lambda note: figures.samples_figure(sample_rows().clear(), note),
        lambda note: figures.strata_figure(pair_rows("ab").clear(), note),
        lambda note: figures.datasets_figure(
            rows([{"map_a": "", "map_b": "", "n_models": 0}], ceiling=0.5).clear(), note
        ),
    ],
    ids=["samples", "strata", "datasets"],
)
def test_without_any_comparison_the_reason_stands_there(figure):
    drawn = figure("There is one map only.")
    assert texts(drawn) == ["There is one map only."]
    assert not drawn.axes


def test_names_of_rows_do_not_overlap():
    table = pl.concat(
        rows([{"map_a": f"dataset{i}", "map_b": "another", "n_models": 7}], ceiling=0.7)
        for i in range(25)
    )
    figure = figures.datasets_figure(table, "Note.")
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    boxes.sort(key=lambda box: box.y0)
    assert len(boxes) == 25
    assert all(a.y1 <= b.y0 + 0.5 for a, b in zip(boxes, boxes[1:], strict=False))
