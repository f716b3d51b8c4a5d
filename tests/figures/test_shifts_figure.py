from itertools import combinations

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex

from modelmap.figures.shifts import MOST, shifts_figure
from modelmap.figures.style import family_colors, save


def shifts_of(models, recipes):
    """Arrows of all models, with recipes in turn, and the table of recipes."""
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(models.height, 2))
    arrows = models.select("model").with_columns(
        recipe=pl.Series([recipes[i % len(recipes)] for i in range(models.height)]),
        x=pl.Series(xy[:, 0]),
        y=pl.Series(xy[:, 1]),
    )
    table = pl.DataFrame(
        {"recipe": recipes, "cosine": [-0.25, *[None] * (len(recipes) - 1)], "p": 0.0123}
    )
    return arrows, table


def draw(zoo, k=12, recipes=("sft", "mpo", "merge")):
    z = zoo(k)
    arrows, table = shifts_of(z.models, recipes)
    return z, arrows, shifts_figure(arrows, table, z.models, shares=(0.6, 0.25))


def shown(figure):
    return {
        axes.get_title(loc="left").split("\n")[0]: axes
        for axes in figure.axes
        if axes.get_visible()
    }


def test_each_recipe_has_a_panel_with_its_arrows_in_the_colors_of_families(zoo):
    z, arrows, figure = draw(zoo)
    colors = family_colors(z.models["family"])
    family = dict(z.models.select("model", "family").iter_rows())
    panels = shown(figure)
    assert list(panels) == ["merge", "mpo", "sft"]
    for recipe, axes in panels.items():
        rows = arrows.filter(recipe=recipe).rows(named=True)
        assert [text.xy for text in axes.texts] == [(row["x"], row["y"]) for row in rows]
        found = [to_hex(text.arrow_patch.get_edgecolor()).upper() for text in axes.texts]
        assert found == [colors[family[row["model"]] or "unknown"] for row in rows]


def test_titles_tell_the_cosine_where_there_is_one(zoo):
    _, _, figure = draw(zoo)
    assert shown(figure)["sft"].get_title(loc="left") == "sft\nmean cosine −0.25\np = 0.012"
    assert "cosine" not in shown(figure)["mpo"].get_title(loc="left")


def test_axes_name_their_share_and_unit(zoo):
    _, _, figure = draw(zoo)
    lowest = figure.axes[0]
    assert (lowest.get_xlabel(), lowest.get_ylabel()) == (
        "PC 1 of shifts (60 %), nats",
        "PC 2 of shifts (25 %), nats",
    )


@pytest.mark.parametrize("n", [1, 3, 6])
def test_nothing_overlaps(zoo, n):
    _, _, figure = draw(zoo, 24, [f"recipe-{i}" for i in range(n)])
    figure.draw_without_rendering()
    axes = list(shown(figure).values())
    boxes = [a.get_tightbbox() for a in axes] + [figure.legends[0].get_window_extent()]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_the_recipes_with_most_shifts_are_drawn(zoo):
    recipes = [f"r{i}" for i in range(MOST + 3)]
    _, _, figure = draw(zoo, MOST + 3 + 4, recipes)
    assert len(shown(figure)) == MOST
    assert set(recipes[:4]) < set(shown(figure))


def test_without_arrows_it_says_so(zoo):
    z = zoo(3)
    arrows, table = shifts_of(z.models, ["sft"])
    figure = shifts_figure(arrows.clear(), table.clear(), z.models, shares=(0, 0))
    assert [text.get_text() for text in figure.texts] == ["No model stands here with its parent."]


def test_the_file_is_reproducible(zoo, tmp_path):
    for name in ("a.svg", "b.svg"):
        save(draw(zoo)[2], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
