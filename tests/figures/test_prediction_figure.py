import numpy as np
import polars as pl
import pytest

from modelmap.figures.prediction import N_LABELS, prediction_figure
from modelmap.figures.style import save


def draw(predicted, models, panels):
    return prediction_figure(predicted, models, panels, x_label="score", y_label="predicted")


def predictions(zoo, k, benchmarks=("a", "b")):
    z, rng = zoo(k), np.random.default_rng(0)
    tables = [
        z.models.select(
            "model",
            benchmark=pl.lit(name),
            score=pl.Series(rng.uniform(20, 80, k)),
            predicted=pl.Series(rng.uniform(20, 80, k)),
        )
        for name in benchmarks
    ]
    return pl.concat(tables), z.models


def panel_of(figure, name):
    return next(axes for axes in figure.axes if axes.get_title(loc="left").strip() == name)


def test_a_panel_per_benchmark_with_its_points_and_the_line(zoo):
    predicted, models = predictions(zoo, 20)
    figure = draw(predicted, models, [("b", "R² = 0.1"), ("a", "")])
    for name in "ab":
        axes = panel_of(figure, name)
        places = np.vstack([some.get_offsets() for some in axes.collections])
        drawn = {tuple(point) for point in places.round(9).tolist()}
        own = predicted.filter(benchmark=name).select("score", "predicted")
        assert drawn == {tuple(round(v, 9) for v in point) for point in own.rows()}
        (line,) = [line for line in axes.lines if line.zorder == 1]
        np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
        assert axes.get_xlim() == axes.get_ylim()
    assert "R² = 0.1" in [text.get_text() for text in panel_of(figure, "b").texts]


def test_families_look_the_same_in_all_panels_and_in_one_legend(zoo):
    predicted, models = predictions(zoo, 20)
    some = predicted.filter((pl.col("benchmark") == "a") | pl.col("model").is_in(["m3", "m7"]))
    figure = draw(some, models, [("a", ""), ("b", "")])
    assert [legend.get_title().get_text() for legend in figure.legends] == ["Family", "Recipe"]

    def color(name, model):
        at = some.filter(benchmark=name, model=model).select("score", "predicted").row(0)
        for marks in panel_of(figure, name).collections:
            for place, face in zip(marks.get_offsets(), marks.get_facecolors(), strict=True):
                if tuple(place) == at:
                    return tuple(face)
        raise AssertionError(f"{model} is not drawn")

    assert color("a", "m3") == color("b", "m3") != color("a", "m0")


def test_the_farthest_are_named(zoo):
    predicted, models = predictions(zoo, 12, ["a"])
    far = pl.when(pl.col("model") == "m4").then(pl.col("score") + 200).otherwise("score")
    axes = draw(predicted.with_columns(predicted=far), models, [("a", "")]).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert models.filter(model="m4")["label"][0] in texts
    assert len([text for text in texts if text]) <= N_LABELS


def test_a_benchmark_without_predictions_gives_its_reason(zoo, tmp_path):
    predicted, models = predictions(zoo, 6, ["a"])
    figure = draw(predicted, models, [("a", "R² = 0.5"), ("b", "2 models have a score")])
    for name in ("a.svg", "b.svg"):
        save(figure, tmp_path / name)
    svg = (tmp_path / "a.svg").read_text()
    assert all(text in svg for text in ("R² = 0.5", "2 models have a score", "predicted"))
    assert svg == (tmp_path / "b.svg").read_text()
    assert len(figure.axes) == 1


@pytest.mark.parametrize("panels", [[("a", "2 models"), ("b", "no model")], []])
def test_without_any_prediction_it_says_why(zoo, panels):
    predicted, models = predictions(zoo, 6, ["a"])
    figure = draw(predicted.clear(), models, panels)
    text = "".join(text.get_text() for text in figure.texts)
    assert text
    assert all(part in text for panel in panels for part in panel)


@pytest.mark.parametrize("k", [1, 3, pytest.param(160, marks=pytest.mark.slow)])
def test_few_and_many(zoo, k, tmp_path):
    predicted, models = predictions(zoo, k, [f"benchmark {i}" for i in range(9)])
    figure = draw(predicted, models, [(f"benchmark {i}", "note") for i in range(9)])
    assert len(figure.axes) == 9
    save(figure, tmp_path / "a.png")
