"""The dot plot of losses on kinds of samples: every model and kind is there, the best on top."""

import polars as pl
import pytest

from modelmap.figures.strata import MOST_ROWS, strata_figure


def losses(n_models, strata=("code", "English")):
    rows = [
        {
            "model": f"m{i}",
            "stratum": stratum,
            "bits_per_byte": 1 + i / 10 + j,
            "bits_per_byte_low": 0.9 + i / 10 + j,
            "bits_per_byte_high": 1.1 + i / 10 + j,
        }
        for i in range(n_models)
        for j, stratum in enumerate(["all", *strata])
    ]
    return pl.DataFrame(rows)


def sheet(n_models):
    return pl.DataFrame(
        {"model": [f"m{i}" for i in range(n_models)], "family": ["a", "b"] * (n_models // 2)}
    )


def rows_of(figure):
    (axes,) = figure.axes
    return [text.get_text() for text in axes.get_yticklabels()]


def marks(figure):
    (axes,) = figure.axes
    return {tuple(line.get_xdata()) for line in axes.get_lines()}


def test_a_row_for_each_model_the_best_on_top():
    figure = strata_figure(losses(4), sheet(4))
    assert rows_of(figure) == ["m3", "m2", "m1", "m0"]
    assert marks(figure) == {tuple(1 + i / 10 + j for i in range(4)) for j in (1, 2)}


def test_strata_are_named_and_look_different():
    figure = strata_figure(losses(4, [f"s{i}" for i in range(8)]), sheet(4))
    handles = figure.legends[0].legend_handles
    assert [h.get_label() for h in handles] == [f"s{i}" for i in range(8)]
    assert len({(h.get_marker(), h.get_markerfacecolor()) for h in handles}) == 8


def test_without_strata_the_whole_is_drawn_without_a_legend():
    figure = strata_figure(losses(4, ()), sheet(4))
    assert not figure.legends
    assert marks(figure) == {(1.0, 1.1, 1.2, 1.3)}


def test_of_very_many_models_a_row_is_a_family():
    figure = strata_figure(losses(MOST_ROWS + 2), sheet(MOST_ROWS + 2))
    assert sorted(rows_of(figure)) == ["a", "b"]
    assert {len(x) for x in marks(figure)} == {MOST_ROWS + 2}


def test_without_any_score_it_says_so():
    figure = strata_figure(losses(2).clear(), sheet(2))
    assert figure.texts[0].get_text() == "No model has scores."


@pytest.mark.parametrize("n", [2, 56])
def test_labels_do_not_overlap(n):
    figure = strata_figure(losses(n), sheet(n))
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    boxes.sort(key=lambda box: box.y0)
    assert all(a.y1 <= b.y0 + 0.5 for a, b in zip(boxes, boxes[1:], strict=False))
