"""The heat map of correlations by stratum: every cell is there, and what is sure stands out."""

import polars as pl
import pytest

from modelmap.figures.correlation import strata_correlation_figure

SCHEMA = dict.fromkeys(("stratum", "benchmark", "note"), pl.String)
SCHEMA |= dict.fromkeys(("pearson", "p_adjusted"), pl.Float64)


def table(n_strata=3, n_benchmarks=4, **columns):
    rows = [
        {"stratum": f"s{i}", "benchmark": f"Benchmark {j}", "pearson": (i - j) / 4}
        | {"p_adjusted": 0.2, "note": None}
        for i in range(n_strata)
        for j in range(n_benchmarks)
    ]
    rows[1] |= columns
    return pl.DataFrame(rows, SCHEMA)


def cells(figure):
    axes = figure.axes[0]
    return {text.get_text(): text for text in axes.texts}


def test_rows_and_columns_are_named_in_their_order():
    axes = strata_correlation_figure(table(), level=0.95).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["s0", "s1", "s2"]
    assert {t.get_rotation() for t in axes.get_yticklabels()} == {0}
    names = [t.get_text() for t in axes.get_xticklabels()]
    assert names == [f"Benchmark {j}" for j in range(4)]
    assert len(axes.texts) == 12


@pytest.mark.parametrize(("p", "text", "weight"), [(0.05, "−0.25*", "bold"), (0.051, "−0.25", 0)])
def test_what_is_sure_has_a_star(p, text, weight):
    figure = strata_correlation_figure(table(p_adjusted=p, pearson=-0.25), level=0.95)
    assert figure.axes[0].texts[1].get_text() == text
    assert figure.axes[0].texts[1].get_fontweight() == (weight or "normal")


def test_what_is_not_known_has_a_dash():
    figure = strata_correlation_figure(table(pearson=None, p_adjusted=None), level=0.95)
    assert figure.axes[0].texts[1].get_text() == "–"


def test_without_any_correlation_it_says_why():
    nothing = table(1, 2).with_columns(pearson=None, note=pl.lit("3 models; at least 4 needed"))
    nothing = nothing.cast({"pearson": pl.Float64})
    (text,) = strata_correlation_figure(nothing, level=0.95).texts
    assert text.get_text() == "No correlation: 3 models; at least 4 needed"
    (text,) = strata_correlation_figure(nothing[:0], level=0.95).texts
    assert text.get_text() == "No correlation: there are no losses"


@pytest.mark.parametrize("n", [1, 12])
def test_labels_and_numbers_do_not_overlap(n):
    figure = strata_correlation_figure(table(n, 9), level=0.95)
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [t.get_window_extent() for t in axes.texts]
    boxes += [t.get_window_extent() for t in axes.get_yticklabels()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
