import random

import matplotlib
import polars as pl
import pytest
from matplotlib.colors import is_color_like, to_rgb
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from plotly.validator_cache import ValidatorCache

from modelmap.figures.style import (
    KNOWN_MARKERS,
    SPARE_MARKERS,
    family_colors,
    recipe_markers,
    save,
    theme,
)

FAMILIES = [f"family {i}" for i in range(40)]


def test_colors_depend_on_the_set_of_families_only():
    shuffled = random.Random(0).sample(FAMILIES, len(FAMILIES))
    assert family_colors(shuffled + shuffled[:7]) == family_colors(FAMILIES)


@pytest.mark.parametrize("n", [1, 8, 40])
def test_colors_of_a_set_differ(n):
    colors = [to_rgb(color) for color in family_colors(FAMILIES[:n]).values()]
    gaps = [
        sum(abs(p - q) for p, q in zip(a, b, strict=True))
        for i, a in enumerate(colors)
        for b in colors[:i]
    ]
    assert len(colors) == n
    assert min(gaps, default=1) > 0.1


def test_a_missing_family_is_gray_and_takes_no_color_from_the_others():
    colors = family_colors(["b", None, "", "a"])
    assert colors == family_colors(["a", "b"]) | {"unknown": "#8C8C8C"}


def test_more_families_than_colors_still_all_have_one():
    colors = family_colors(range_of_names := [f"{i:03}" for i in range(90)])
    assert list(colors) == range_of_names
    assert all(is_color_like(color) for color in colors.values())


def test_markers_of_known_recipes_are_fixed_and_others_follow_in_order():
    markers = recipe_markers(["zebra", "sft", None, "apple", "", "merge"])
    assert list(markers) == ["base", "sft", "merge", "apple", "zebra"]
    assert [marker.matplotlib for marker in markers.values()] == ["o", "s", "D", "v", "p"]
    assert markers["sft"] == recipe_markers(["sft"])["sft"]


def test_both_libraries_know_every_marker():
    symbols = ValidatorCache.get_validator("scatter.marker", "symbol")
    every = [*KNOWN_MARKERS.values(), *SPARE_MARKERS]
    assert len({marker.matplotlib for marker in every}) == len(every)
    assert len({marker.plotly for marker in every}) == len(every)
    for marker in every:
        MarkerStyle(marker.matplotlib)
        assert symbols.validate_coerce(marker.plotly) == marker.plotly


def draw():
    with matplotlib.rc_context(theme()):
        figure = Figure((2, 2))
        figure.add_subplot().scatter([1, 2], [3, 4], label="points")
        figure.text(0.5, 0.5, "a < b & $c$")
    return figure


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_a_figure_made_twice_is_the_same_file(tmp_path, suffix):
    save(draw(), tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}")
    save(draw(), tmp_path / f"c.{suffix}")
    first = (tmp_path / f"a.{suffix}").read_bytes()
    assert (
        first == (tmp_path / f"b.{suffix}").read_bytes() == (tmp_path / f"c.{suffix}").read_bytes()
    )


def test_text_stays_text(tmp_path):
    save(draw(), tmp_path / "a.svg", tmp_path / "a.pdf")
    assert "a &lt; b &amp; $c$</text>" in (tmp_path / "a.svg").read_text()
    assert b"/FontFile2" in (tmp_path / "a.pdf").read_bytes()


def test_an_unknown_suffix_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"a\.jpg: expected a name ending in \.svg"):
        save(draw(), tmp_path / "a.png", tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_data_are_written_beside_the_figure_and_pictures_once_for_all_names(tmp_path):
    data = pl.DataFrame({"model": ["a", "b"], "x": [0.5, None]})
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab" for suffix in ("svg", "tsv")]
    save(draw(), *paths, data=data)
    assert (tmp_path / "b.tsv").read_text() == "model\tx\na\t0.5\nb\t\n"
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(("name", "data"), [("a.tsv", None), ("a.svg", pl.DataFrame())])
def test_data_without_a_path_and_a_path_without_data_are_refused(tmp_path, name, data):
    with pytest.raises(ValueError, match="expected data and a .tsv, or neither"):
        save(draw(), tmp_path / name, data=data)
    assert not list(tmp_path.iterdir())
