"""Errors against sizes: a line with a band per method, and what models that chose would have."""

import polars as pl
import pytest

from modelmap.figures.subsets import COLORS, errors_figure


def errors(on=("held out", "all"), methods=("uniform", "ls", "kl")):
    sizes = dict.fromkeys(methods, (0.1, 0.5))
    sizes["uniform"] = (*sizes.get("uniform", ()), 1)
    rows = [
        {
            "evaluated_on": who,
            "method": method,
            "size": size,
            "n_samples": 80.0 * size,
            "tau1": 0.1 / size**0.5,
            "tau1_low": 0.08 / size**0.5,
            "tau1_high": 0.12 / size**0.5,
        }
        for who in on
        for method, some in sizes.items()
        for size in some
    ]
    return pl.DataFrame(rows)


def lines(figure):
    (axes,) = figure.axes
    return [line for line in axes.get_lines() if len(line.get_xdata()) > 1]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_method_has_a_line_with_a_band_and_a_dotted_one():
    figure = errors_figure(errors(), note="a note")
    *drawn, across = lines(figure)
    assert [line.get_color() for line in drawn] == 2 * list(COLORS.values())
    assert [line.get_linestyle() for line in drawn] == 3 * ["-"] + 3 * [":"]
    assert [len(line.get_xdata()) for line in drawn] == 2 * [3, 2, 2]
    assert list(across.get_ydata()) == pytest.approx([0.1, 0.1])
    assert len(figure.axes[0].collections) == 3
    assert [text.get_text() for text in figure.texts] == ["a note"]
    assert legend(figure) == [
        "uniform",
        "LS",
        "KL",
        "as many others",
        "models that chose them",
    ]


def test_where_no_family_could_be_held_out_lines_are_of_those_that_chose():
    figure = errors_figure(errors(on=["all"]), note="")
    *drawn, _ = lines(figure)
    assert {line.get_linestyle() for line in drawn} == {"-"}
    assert "models that chose them" not in legend(figure)


def test_the_whole_alone_is_no_line_of_its_own():
    figure = errors_figure(errors(methods=["kl"]), note="")
    assert legend(figure) == ["KL", "as many others", "models that chose them"]


def test_nothing_to_draw_is_a_note():
    figure = errors_figure(errors().clear(), note="There are too few models.")
    assert figure.texts[0].get_text() == "There are too few models."
