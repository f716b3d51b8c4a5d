from itertools import combinations

import numpy as np
import polars as pl
import pytest

from modelmap.figures.scatter import correlation_figure
from modelmap.figures.style import save

NOTE = "r = −0.62 [−0.80, −0.21], ρ = −0.58"


def draw(points, models):
    names = {"x": "nll", "y": "score", "x_label": "mean NLL (nats)", "y_label": "accuracy (%)"}
    return correlation_figure(points, models, **names, note=NOTE)[0]


def scores(zoo, k, seed=0):
    z = zoo(k)
    nll = np.random.default_rng(seed).normal(2, 0.3, k)
    score = 60 - 20 * nll + np.random.default_rng(seed + 1).normal(0, 4, k)
    return z.models.select("model").with_columns(
        nll=pl.Series(nll), score=pl.Series(score)
    ), z.models


def slopes(axes):
    return [line.get_xydata()[[0, -1]] for line in axes.lines if line.zorder == 1]


def test_the_line_is_the_least_squares_line(zoo):
    points, models = scores(zoo, 20)
    (((x0, y0), (x1, y1)),) = slopes(draw(points, models).axes[0])
    slope = np.cov(points["nll"], points["score"])[0, 1] / points["nll"].var()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
    assert (y0 + y1) / 2 + slope * (points["nll"].mean() - (x0 + x1) / 2) == pytest.approx(
        points["score"].mean()
    )


def test_note_and_labels_are_text(zoo, tmp_path):
    points, models = scores(zoo, 20)
    for name in ("a.svg", "b.svg"):
        save(draw(points, models), tmp_path / name)
    svg = (tmp_path / "a.svg").read_text()
    assert all(text in svg for text in (NOTE, "mean NLL (nats)", "accuracy (%)"))
    assert svg == (tmp_path / "b.svg").read_text()


@pytest.mark.parametrize("k", [3, 20, 56])
def test_labels_are_few_and_keep_clear(zoo, k):
    points, models = scores(zoo, k)
    axes = draw(points, models).axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    at = axes.transData.transform(points.select("nll", "score").to_numpy())
    assert min(k, 5) <= len(boxes) <= 12
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert not any(box.contains(*point) for box in boxes for point in at)


def test_models_without_a_number_are_left_out(zoo):
    points, models = scores(zoo, 6)
    holes = points.with_columns(
        nll=pl.when(pl.col("model") == "m1").then(None).otherwise("nll"),
        score=pl.when(pl.col("model") == "m2").then(float("nan")).otherwise("score"),
    )
    axes = draw(holes, models).axes[0]
    assert sum(len(marks.get_offsets()) for marks in axes.collections) == 4


@pytest.mark.parametrize("k", [1, 4])
def test_without_a_slope_there_is_no_line(zoo, k):
    points, models = scores(zoo, k)
    axes = draw(points.with_columns(nll=pl.lit(1.0)), models).axes[0]
    assert not slopes(axes)


def test_without_points_it_is_the_note(zoo):
    points, models = scores(zoo, 3)
    figure = draw(points.clear(), models)
    assert not figure.axes
    assert NOTE in figure.texts[0].get_text().replace("\n", " ")
