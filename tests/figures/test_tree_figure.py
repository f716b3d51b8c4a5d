from itertools import combinations

import polars as pl
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from modelmap.figures import tree
from modelmap.figures.style import edge, family_colors, save
from modelmap.figures.tree import tree_figure


def comb(models):
    """A tree whose leaves leave one stem after the other."""
    names = models["model"].to_list()
    k = len(names)
    rows = [(i, k + max(i - 1, 0), names[i], 1.0 + i % 3, None) for i in range(k)]
    rows += [
        (k + i, k + i - 1 if i else None, None, 0.5 if i else 0.0, i / k if i else None)
        for i in range(k - 1)
    ]
    schema = ["node", "parent", "model", "length", "support"]
    return pl.DataFrame(rows, schema, orient="row", infer_schema_length=None)


def draw(zoo, k, n_families=4):
    z = zoo(k, n_families)
    return z, tree_figure(comb(z.models), z.models, note="how it was made")[0]


@pytest.mark.parametrize("k", [3, 20, 60, 61, pytest.param(150, marks=pytest.mark.slow)])
def test_names_stand_in_rows_that_do_not_overlap(zoo, k):
    z, figure = draw(zoo, k)
    (axes,) = figure.axes
    assert sorted(text.get_text() for text in axes.texts) == sorted(z.models["label"])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    frame = axes.get_window_extent()
    assert all(frame.y0 < box.y0 < box.y1 < frame.y1 for box in boxes)
    below = [legend.get_window_extent() for legend in figure.legends]
    assert not any(box.overlaps(other) for box in below for other in (*boxes, frame))


def test_tips_stand_at_their_distance_from_the_root(zoo):
    z, figure = draw(zoo, 9)
    (axes,) = figure.axes
    model = dict(z.models.select("label", "model").iter_rows())
    nodes = comb(z.models)
    parent, length = (dict(nodes.select("node", c).iter_rows()) for c in ("parent", "length"))
    start = dict(nodes.filter(pl.col("model").is_not_null())["model", "node"].iter_rows())
    for text in axes.texts:
        node, depth = start[model[text.get_text()]], 0.0
        while node is not None:
            depth, node = depth + length[node], parent[node]
        assert text.xy[0] == pytest.approx(depth)
    assert sorted(text.xy[1] for text in axes.texts) == list(range(9))


def test_names_have_the_colors_of_their_families(zoo):
    z, figure = draw(zoo, 12)
    colors = family_colors(z.models["family"])
    family = dict(z.models.select("label", "family").iter_rows())
    for text in figure.axes[0].texts:
        expected = edge(colors[family[text.get_text()] or "unknown"])
        assert to_hex(text.get_color()) == expected


def test_every_branch_is_drawn_and_every_support_marked(zoo):
    _, figure = draw(zoo, 20)
    (axes,) = figure.axes
    (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 2 * 20 - 2
    assert [len(line.get_xdata()) for line in axes.lines] == [0, 5, 13]
    assert [text.get_text() for text in figure.legends[-1].get_texts()] == [
        "≥ 95 %",
        "≥ 70 %",
        "< 70 %",
    ]
    assert axes.get_xlabel() == "squared distance from the midpoint (nats²)"
    assert figure.texts[0].get_text() == "how it was made"


def test_of_very_many_models_a_page_has_some_names_of_each_family(zoo, monkeypatch):
    monkeypatch.setattr(tree, "NAMED", 20)
    monkeypatch.setattr(tree, "HIGHEST", 2.6)
    _, many = draw(zoo, 70)
    (axes,) = many.axes
    assert axes.get_position().height * many.get_figheight() == pytest.approx(1)
    assert {text.get_text().split("-")[0] for text in axes.texts} == {
        f"Family{i}" for i in range(4)
    }
    boxes = [text.get_window_extent() for text in axes.texts]
    assert 10 < len(boxes) < 15
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 2 * 70 - 2
    assert "Of 70 models some are named: tree.tsv has all" in many.texts[0].get_text()


def test_the_table_has_every_node_where_it_is_drawn(zoo):
    z = zoo(9)
    figure, table = tree_figure(comb(z.models), z.models, note="")
    assert table["node"].to_list() == comb(z.models)["node"].to_list()
    at = {row["label"]: (row["x"], row["row"]) for row in table.rows(named=True) if row["label"]}
    assert at == {text.get_text(): text.xy for text in figure.axes[0].texts}


def test_equal_models_are_drawn(zoo):
    z = zoo(5)
    figure, _ = tree_figure(comb(z.models).with_columns(length=pl.lit(0.0)), z.models, note="")
    assert len(figure.axes[0].texts) == 5


def test_without_a_tree_it_says_why(zoo):
    z = zoo(2)
    figure, table = tree_figure(comb(z.models).clear(), z.models, note="too few")
    assert table.is_empty()
    assert [text.get_text() for text in figure.texts] == ["too few"]


def test_the_file_is_reproducible(zoo, tmp_path):
    for name in ("a.svg", "b.svg"):
        save(draw(zoo, 20)[1], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "Family0-0.5-1B-base</text>" in (tmp_path / "a.svg").read_text()
