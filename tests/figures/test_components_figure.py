import numpy as np
import polars as pl
import pytest

from modelmap.figures.components import components_figure
from modelmap.figures.style import save


def table(shares):
    n = range(1, len(shares) + 1)
    return pl.DataFrame({"component": n, "share": shares, "cumulative": np.cumsum(shares)})


@pytest.mark.parametrize(
    ("shares", "title"),
    [
        ([0.5, 0.3, 0.1, 0.05, 0.05], "Components: 3 for 90 %, 4 for 95 %"),
        ([1.0, 0.0, 0.0], "Components: 1 for 90 %, 1 for 95 %"),
        ([0.1] * 10, "Components: 9 for 90 %, 10 for 95 %"),
        ([1.0], "Components: 1 for 90 %, 1 for 95 %"),
    ],
)
def test_the_title_counts_the_components_that_are_needed(shares, title):
    axes = components_figure(table(shares)).axes[0]
    assert axes.get_title(loc="left") == title
    assert axes.get_xlim()[1] >= 1.5


@pytest.mark.parametrize("shares", [[], [0.0, 0.0]])
def test_without_components_it_says_so(shares, tmp_path):
    figure = components_figure(table(shares))
    assert "fewer than two models differ" in figure.texts[0].get_text()
    save(figure, tmp_path / "a.svg")


def test_of_many_components_those_are_shown_that_matter():
    shares = np.append(np.full(50, 0.99 / 50), np.full(950, 0.01 / 950))
    assert components_figure(table(shares)).axes[0].get_xlim()[1] < 60
