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
    return z, tree_figure(comb(z.models), z.models, note="how it was made")


@pytest.mark.parametrize("k", [3, 20, 56, 120])
def test_names_stand_in_rows_that_do_not_overlap(zoo, k):
    z, figure = draw(zoo, k)
    (axes,) = figure.axes
    assert sorted(text.get_text() for text in axes.texts) == sorted(z.models["label"])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    frame = axes.get_window_extent()
    assert all(frame.x0 < box.x0 < box.x1 <= frame.x1 + 1 for box in boxes)
    assert all(frame.y0 < box.y0 < box.y1 < frame.y1 for box in boxes)
    assert not axes.get_legend().get_window_extent().overlaps(frame)


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
    marks = {line.get_label(): len(line.get_xdata()) for line in axes.lines}
    assert (marks["≥ 95 %"], marks["≥ 70 %"], marks["< 70 %"]) == (0, 5, 13)
    assert axes.get_xlabel().startswith("squared distance from the midpoint (nats²)")
    assert "how it was made" in axes.get_xlabel()


def test_of_very_many_models_rows_are_thinner_and_without_names(zoo, monkeypatch):
    monkeypatch.setattr(tree, "NAMED", 20)
    (_, named), (_, many) = draw(zoo, 20), draw(zoo, 40)
    assert many.get_figheight() == named.get_figheight()
    (axes,) = many.axes
    assert not axes.texts
    (lines,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 2 * 40 - 2
    label = axes.get_xlabel().replace("\n", " ")
    assert "Names are left out of more than 20 models: tree.nwk has them" in label


def test_equal_models_are_drawn(zoo):
    z = zoo(5)
    figure = tree_figure(comb(z.models).with_columns(length=pl.lit(0.0)), z.models, note="")
    assert len(figure.axes[0].texts) == 5


def test_without_a_tree_it_says_why(zoo):
    z = zoo(2)
    figure = tree_figure(comb(z.models).clear(), z.models, note="too few")
    assert [text.get_text() for text in figure.texts] == ["too few"]


def test_the_file_is_reproducible(zoo, tmp_path):
    for name in ("a.svg", "b.svg"):
        save(draw(zoo, 20)[1], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "Family0-0.5-1B-base</text>" in (tmp_path / "a.svg").read_text()
