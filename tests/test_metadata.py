"""What the sheet says of models: lineages, sizes and dates as numbers."""

import math

import pytest

from modelmap import metadata


def row(model, parent="", **facts):
    return {"model": model, "parent": parent, "params_b": None, "released": None} | facts


@pytest.mark.parametrize(
    ("text", "year"),
    [("2024", 2024.5), ("2024-01", 2024 + 1 / 24), ("2024-12-31", 2025 - 1 / 744)],
)
def test_dates_are_the_middle_of_what_is_told(text, year):
    assert metadata.year(text) == pytest.approx(year)
    assert metadata.facts([row("m", released=text)])["year"].item() == pytest.approx(year)


@pytest.mark.parametrize("text", [None, ""])
def test_no_date_is_no_year(text):
    assert metadata.year(text) is None


def test_facts_are_by_name_and_lineages_go_by_their_first_model():
    sheet = [
        row("d", "b,c"),
        row("c", params_b=7.0),
        row("b", "elsewhere"),
        row("a"),
        row("e", "a"),
    ]
    for rows in (sheet, sheet[::-1]):
        found = metadata.facts(rows)
        assert found["model"].to_list() == ["a", "b", "c", "d", "e"]
        assert found["lineage"].to_list() == ["a", "b", "b", "b", "a"]
        assert found["log_params"].to_list() == [None, None, math.log(7), None, None]


def test_parents_are_those_that_are_there():
    sheet = [row("a"), row("b", "a,x"), row("c", "b,a")]
    assert metadata.parents(["c", "b", "a"], sheet) == [[1, 2], [2], []]
    assert metadata.parents(["c", "b"], sheet) == [[1], []]
