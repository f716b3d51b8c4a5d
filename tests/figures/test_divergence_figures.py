"""Figures of theory show every pair, and say what they leave out."""

import numpy as np
import polars as pl

from modelmap import theory
from modelmap.figures.divergences import divergence_figure, interpolation_figure

MODELS = pl.DataFrame({"model": ["a", "b", "c"], "family": ["f", "f", None]})


def pairs():
    table = pl.DataFrame(
        [("a", "b", 1.0, 2.0, 1.2, True), ("a", "c", 40.0, 20.0, 35.0, False)],
        ["model_a", "model_b", "kl_ab", "kl_ba", "estimate", "same_family"],
        orient="row",
    )
    return table.with_columns(
        kl_mean=(pl.col("kl_ab") + pl.col("kl_ba")) / 2, estimate_with_end=pl.col("estimate")
    )


def drawn(table):
    return divergence_figure(table, MODELS, theory.agreement({"text": table}))


def texts_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_point_lies_at_its_estimate_and_mean_and_a_line_spans_both_directions():
    figure = drawn(pairs())
    (axes,) = figure.axes
    lines, points = axes.collections[2], axes.collections[3]  # of a family, above those across
    np.testing.assert_allclose(points.get_offsets(), [[1.2, 1.5]])
    np.testing.assert_allclose(np.sort(lines.get_segments()[0][:, 1]), [1, 2])
    assert texts_of(figure) == ["two families", "f"]
    assert axes.get_xlim() == axes.get_ylim()
    assert "10" in [label.get_text() for label in axes.get_xticklabels()]
    assert figure.texts[0].get_text() == "2 pairs"  # of two points there is no correlation


def test_a_divergence_below_zero_is_counted_and_not_drawn():
    more = pairs().vstack(pairs()[:1].with_columns(kl_ab=-0.1, kl_mean=0.9))
    note = drawn(more).texts[0].get_text().replace("\n", " ")
    assert note.startswith("3 pairs: r = ")
    assert note.endswith("1 more with a measured divergence below zero")


def test_without_pairs_it_says_so():
    figure = drawn(pairs()[:0])
    assert [text.get_text() for text in figure.texts] == ["No pair of models could be compared."]


def test_a_panel_for_each_three_models():
    grid = [(0, 0), (1, 0), (0, 1), (0.4, 0.4), (1, 1)]
    L = np.random.default_rng(0).normal(size=(5, 50))
    points = theory.between(("o", "f", "s"), grid, L)
    figure = interpolation_figure(
        points, theory.interpolation_summary(points, {("o", "f", "s"): 3})
    )
    (axes,) = figure.axes
    inside, beyond = axes.collections
    assert (len(inside.get_offsets()), len(beyond.get_offsets())) == (4, 1)
    assert {text.get_text() for text in axes.texts} == {"origin", "first", "second"}
    assert "angle 3°" in axes.get_title(loc="left")


def test_without_models_of_the_zoo_it_says_so():
    points = theory.between(("o", "f", "s"), [(0, 0), (1, 0), (0, 1)], np.ones((3, 2)))[:0]
    figure = interpolation_figure(points, theory.interpolation_summary(points, {}))
    assert "No models of the zoo" in figure.texts[0].get_text()
