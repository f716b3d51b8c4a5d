import numpy as np
import polars as pl
import pytest
from matplotlib.collections import LineCollection

from modelmap.figures.drift import drift_figure
from modelmap.figures.style import save

TITLES = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def drift_of(models, methods):
    rng = np.random.default_rng(0)
    n = models.height
    tables = []
    for method in methods:
        xy = rng.normal(size=(n, 2))
        redrawn = xy + 0.1 * rng.normal(size=(n, 2))
        columns = dict(zip(("x", "y", "x_redrawn", "y_redrawn"), [*xy.T, *redrawn.T], strict=True))
        tables.append(
            models.select("model").with_columns(
                method=pl.lit(method), joined=pl.Series([i == 1 for i in range(n)]), **columns
            )
        )
    summary = [
        {"method": m, "median": 0.0123, "largest": None if m == "pca" else 0.2}
        | {"n_samples": 500, "n_samples_frozen": 500}
        for m in methods
    ]
    summary = pl.DataFrame(summary).with_columns(
        median=pl.when(pl.col("largest").is_not_null()).then("median")
    )
    return pl.concat(tables), summary


@pytest.mark.parametrize("methods", [["tsne"], ["tsne", "umap", "pca"]])
def test_each_method_has_a_panel_with_a_line_per_model(zoo, tmp_path, methods):
    models = zoo(12).models
    figure = drift_figure(*drift_of(models, methods), models, titles=TITLES)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == [TITLES[m] for m in methods]
    for axes in panels:
        (lines,) = (c for c in axes.collections if isinstance(c, LineCollection))
        assert len(lines.get_segments()) == 12
        texts = [text.get_text() for text in axes.texts]
        assert texts == [models["label"][1] or models["model"][1]]
    assert panels[0].get_xlabel() == "moves: median 1.2 %, at most 20 %"
    if "pca" in methods:
        assert panels[-1].get_xlabel() == "frozen models share one place"
    save(figure, tmp_path / "drift.svg")


def test_samples_that_new_models_miss_are_told(zoo):
    models = zoo(12).models
    drifted, summary = drift_of(models, ["tsne", "umap"])
    assert not drift_figure(drifted, summary, models, titles=TITLES).texts
    fewer = summary.with_columns(n_samples=pl.lit(491))
    figure = drift_figure(drifted, fewer, models, titles=TITLES)
    assert figure.texts[0].get_text().startswith("491 of the frozen map's 500 samples count")


def test_names_cover_neither_rings_nor_lines(zoo):
    """One model that joined, with others all around, and a line to the right of it."""
    models = zoo(12).models
    turn = 2 * np.pi * np.arange(12) / 12
    xy = np.column_stack([np.cos(turn), np.sin(turn)])
    xy[1] = 0
    redrawn = xy + np.array([0.3, 0.0])
    columns = dict(zip(("x", "y", "x_redrawn", "y_redrawn"), [*xy.T, *redrawn.T], strict=True))
    joined = pl.Series([i == 1 for i in range(12)])
    drifted = models.select("model").with_columns(method=pl.lit("pca"), joined=joined, **columns)
    _, summary = drift_of(models, ["pca"])
    (axes,) = drift_figure(drifted, summary, models, titles=TITLES).axes
    (text,) = axes.texts
    box = text.get_window_extent()
    (lines,) = (c for c in axes.collections if isinstance(c, LineCollection))
    for segment in lines.get_segments():
        for share in np.linspace(0, 1, 100):
            at = axes.transData.transform(segment[0] + share * (segment[1] - segment[0]))
            assert not box.contains(*at)
    ring = axes.collections[-1]
    radius = np.sqrt(ring.get_sizes()[0]) / 2 * axes.figure.dpi / 72
    x, y = axes.transData.transform(ring.get_offsets()[0])
    nearest = np.clip([x, y], box.min, box.max)
    assert np.linalg.norm(nearest - [x, y]) > radius


def test_without_places_it_says_so(zoo):
    models = zoo(3).models
    drifted, summary = drift_of(models, ["tsne"])
    figure = drift_figure(drifted.clear(), summary.clear(), models, titles=TITLES)
    assert "No method" in figure.texts[0].get_text()
