from itertools import combinations

import numpy as np
import polars as pl
import pytest
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.colors import to_hex

from modelmap.figures.map import map_figure, representatives
from modelmap.figures.style import family_colors, save

AXES = ("t-SNE 1", "t-SNE 2")


def made(zoo, labels="representative", **other):
    tables = {"embedding": zoo.embedding, "models": zoo.models} | other
    return map_figure(**tables, axes=AXES, title="Map", labels=labels)


def draw(zoo, labels="representative", **other):
    return made(zoo, labels, **other)[0]


def written(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def lines_of(figure):
    return [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]


def families_of(zoo, labels):
    rows = zoo.models.filter(pl.col("label").is_in(labels))
    return set(rows["family"].fill_null("unknown"))


@pytest.mark.parametrize("labels", ["representative", "all", "column"])
@pytest.mark.parametrize(
    ("k", "n_families"),
    [(3, 2), (12, 4), (56, 7), *(pytest.param(150, n, marks=pytest.mark.slow) for n in (1, 12))],
)
def test_labels_keep_clear_and_name_every_family(zoo, k, n_families, labels):
    z = zoo(k, n_families)
    figure = draw(z, labels)
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    points = axes.transData.transform(z.embedding.select("x", "y").to_numpy())
    frame = axes.get_window_extent()
    for box in boxes:
        assert not any(box.contains(*point) for point in points)
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
    if labels != "column":
        assert len(boxes) >= min(k, 30)
        assert families_of(z, written(figure)) == set(z.models["family"].fill_null("unknown"))


@pytest.mark.parametrize("k", [3, 20, 56])
def test_all_writes_every_label_once(zoo, k):
    z = zoo(k)
    assert sorted(written(draw(z, "all"))) == sorted(z.models["label"])


@pytest.mark.slow
@pytest.mark.parametrize("labels", ["representative", "all", "column"])
def test_of_a_thousand_models_some_of_every_family_are_named(zoo, labels):
    z = zoo(1000, 40)
    figure = draw(z, labels, note="how faithful")
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert len(boxes) >= (8 if labels == "column" else 41)
    if labels != "column":
        assert families_of(z, written(figure)) == set(z.models["family"].fill_null("unknown"))
    said = f"; {len(boxes)} of 1,000 models are named" if labels == "all" else ""
    assert figure.texts[-1].get_text() == f"how faithful{said}"


@pytest.mark.parametrize(
    ("labels", "width"), [("representative", 180), ("all", 180), ("column", 88)]
)
def test_the_table_has_what_is_drawn_and_who_is_named(zoo, labels, width):
    z = zoo(20)
    figure, table = made(z, labels)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    assert table.select("model", "x", "y").equals(z.embedding)
    assert sorted(table.filter("named")["label"]) == sorted(written(figure))
    assert table["family"].to_list() == z.models["family"].fill_null("unknown").to_list()


@pytest.mark.slow
def test_a_large_map_grows_in_height_for_all_labels_only(zoo):
    z = zoo(90, 9)
    some, every = draw(z), draw(z, "all")
    assert some.get_figwidth() == every.get_figwidth()
    assert some.get_figheight() * 1.1 < every.get_figheight()


def test_the_legend_names_what_is_drawn_beside_the_axes(zoo):
    z = zoo(60, 40)
    whole = draw(z)
    assert legend_of(whole)[-4:] == ["unknown", "base", "sft", "parent to child"]
    part = draw(z, embedding=z.embedding.head(30))
    assert set(legend_of(part)) == {f"Family{i}" for i in range(30) if i != 5} | {"unknown"}
    for figure in (whole, part):
        boxes = [legend.get_window_extent() for legend in figure.legends]
        boxes.append(figure.axes[0].get_tightbbox())
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        assert figure.get_tightbbox().height <= figure.get_figheight()


def test_a_family_keeps_its_color_when_others_are_not_drawn(zoo):
    z = zoo(20)
    figure = draw(z, embedding=z.embedding.tail(2))
    colors = family_colors(z.models["family"])
    points = [c for c in figure.axes[0].collections if not isinstance(c, LineCollection)]
    faces = {
        tuple(p): to_hex(c).upper()
        for m in points
        for p, c in zip(m.get_offsets(), m.get_facecolors(), strict=True)
    }
    drawn = [faces[xy] for xy in z.embedding.tail(2).select("x", "y").iter_rows()]
    assert drawn == [colors[family] for family in z.models["family"].tail(2)]


def test_lines_lead_from_parents_that_are_drawn(zoo):
    z = zoo(8)
    (lines,) = lines_of(draw(z))
    at = {model: (x, y) for model, x, y in z.embedding.iter_rows()}
    ends = [tuple(map(tuple, line)) for line in lines.get_segments()]
    assert ends == [(at[f"m{i - 4}"], at[f"m{i}"]) for i in range(4, 8)]
    assert not lines_of(draw(z, embedding=z.embedding.tail(4)))


def test_both_axes_have_one_scale_and_no_numbers(zoo):
    axes = draw(zoo(20)).axes[0]
    right, up = axes.transData.transform([(1, 0), (0, 1)]) - axes.transData.transform((0, 0))
    assert right[0] == pytest.approx(up[1])
    assert (axes.get_xlabel(), axes.get_ylabel()) == AXES
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0


def test_models_named_only_are_enough(zoo):
    z = zoo(4)
    figure = draw(z, models=z.models.select("model"))
    assert legend_of(figure) == ["unknown"]
    assert sorted(written(figure)) == ["m0", "m1", "m2", "m3"]


def test_no_rows_make_a_figure_that_says_why(zoo):
    z = zoo(2)
    why = "needs at least 4 models, there are 2"
    figure, table = made(z, embedding=z.embedding.clear(), reason=why)
    assert [text.get_text() for text in figure.texts] == [f"Map: {why}"]
    assert table.is_empty()


def test_one_place_for_all_models_is_drawn(zoo):
    z = zoo(5)
    same = z.embedding.with_columns(x=pl.lit(0.0), y=pl.lit(0.0))
    assert len(written(draw(z, "all", embedding=same))) == 5


def test_another_word_for_labels_is_refused(zoo):
    with pytest.raises(
        ValueError, match="labels is 'some', expected one of representative, all, column"
    ):
        draw(zoo(3), "some")


@pytest.mark.filterwarnings("error:Glyph")
def test_any_text_is_written_as_it_is_and_twice_the_same(zoo, tmp_path):
    z = zoo(4)
    labels = ["日本語モデル", "a<b>", "R&D \"q\" 'r'", "$x_1$ \\frac"]
    models = z.models.with_columns(label=pl.Series(labels))
    for name in ("a", "b"):
        save(draw(z, "all", models=models), tmp_path / f"{name}.svg", tmp_path / f"{name}.pdf")
    svg = (tmp_path / "a.svg").read_text()
    for text in ("日本語モデル", "a&lt;b&gt;", "R&amp;D", "$x_1$ \\frac"):
        assert text in svg
    assert svg == (tmp_path / "b.svg").read_text()
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_representatives_begin_with_the_medoid_of_each_family():
    xy = {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (9, 9), "e": (1, 0.1)}
    embedding = pl.DataFrame([(m, float(x), float(y)) for m, (x, y) in xy.items()], orient="row")
    embedding.columns = ["model", "x", "y"]
    models = pl.DataFrame({"model": list(xy), "family": ["A", "A", "A", "B", "A"]})
    models = models.with_columns(generation=pl.Series(["1", "1", "1", "1", "2"]))
    assert representatives(embedding, models, limit=2) == ["b", "d"]
    assert representatives(embedding, models, limit=4)[:3] == ["b", "d", "e"]
    assert set(representatives(embedding, models)) == set(xy)


def test_representatives_name_every_family_even_beyond_the_limit(zoo):
    z = zoo(80, 40)
    chosen = representatives(z.embedding, z.models, limit=10)
    assert len(chosen) == len(set(chosen)) == 41
    assert len(representatives(z.embedding, z.models.with_columns(family=None))) == 30


def test_representatives_spread_over_the_map(zoo):
    z = zoo(56, 7)
    first = representatives(z.embedding, z.models.select("model"), limit=8)
    xy = z.embedding.filter(pl.col("model").is_in(first)).select("x", "y").to_numpy()
    gaps = np.linalg.norm(xy[:, None] - xy[None], axis=2)[np.triu_indices(8, 1)]
    head = z.embedding.head(8).select("x", "y").to_numpy()
    assert gaps.min() > np.linalg.norm(head[:, None] - head, axis=2)[np.triu_indices(8, 1)].min()


def with_ellipses(z, size):
    k = z.embedding.height
    grow = size * (1 + pl.int_range(k) / k)
    return z.embedding.with_columns(ellipse_xx=4 * grow, ellipse_xy=grow, ellipse_yy=grow)


def test_ellipses_are_drawn_to_scale_and_named(zoo):
    z = zoo(12)
    figure = draw(z, embedding=with_ellipses(z, 0.1), ellipses=(2.0, "95 % ellipse"))
    (drawn,) = [c for c in figure.axes[0].collections if isinstance(c, EllipseCollection)]
    assert "95 % ellipse" in legend_of(figure)
    np.testing.assert_array_equal(drawn.get_offsets(), z.embedding.select("x", "y").to_numpy())
    values, vectors = np.linalg.eigh(0.1 * np.array([[4, 1], [1, 1]]))
    assert drawn.get_widths()[0] == pytest.approx(2 * 2.0 * np.sqrt(values[1]))
    assert drawn.get_heights()[0] == pytest.approx(2 * 2.0 * np.sqrt(values[0]))
    tilt = np.degrees(np.arctan(vectors[1, 1] / vectors[0, 1]))
    assert drawn.get_angles()[0] % 180 == pytest.approx(tilt % 180)


def test_the_axes_hold_ellipses_whole(zoo):
    z = zoo(12)
    embedding = with_ellipses(z, 3)
    axes = draw(z, embedding=embedding, ellipses=(2.0, "95 % ellipse")).axes[0]
    for x, y, xx, _, yy in embedding.drop("model").iter_rows():
        for limits, at, var in ((axes.get_xlim(), x, xx), (axes.get_ylim(), y, yy)):
            assert limits[0] <= at - 2 * np.sqrt(var)
            assert at + 2 * np.sqrt(var) <= limits[1]


def test_ellipses_wider_than_the_map_are_not_drawn_and_that_is_said(zoo):
    z = zoo(12)
    figure = draw(z, embedding=with_ellipses(z, 1e4), ellipses=(2.0, "95 % ellipse"), note="Note")
    assert "95 % ellipse" not in legend_of(figure)
    (note,) = figure.texts
    assert note.get_text() == "Note; 95 % ellipses are wider than the map, and not drawn"


def test_the_note_stands_below_and_over_nothing(zoo):
    figure = draw(zoo(20), note="trustworthiness 0.99")
    figure.canvas.draw()
    (note,) = figure.texts
    box = note.get_window_extent()
    axes = figure.axes[0]
    assert not box.overlaps(axes.get_window_extent())
    assert not box.overlaps(axes.xaxis.label.get_window_extent())


@pytest.mark.parametrize(("flatness", "height"), [(0.1, 0.42), (0.6, 0.6), (3.0, 0.8)])
def test_a_figure_is_as_flat_as_its_map_within_limits(flatness, height):
    places = pl.DataFrame({"model": ["a", "b"], "x": [0.0, 1], "y": [0.0, flatness]})
    figure, _ = map_figure(
        places, places.select("model"), axes=("1", "2"), title="map", labels="representative"
    )
    box = figure.axes[0].get_window_extent()
    assert box.height / box.width == pytest.approx(height, rel=0.01)
