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
        {"method": m, "median": 0.0123, "largest": None if m == "pca" else 0.2} for m in methods
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


def test_without_places_it_says_so(zoo):
    models = zoo(3).models
    drifted, summary = drift_of(models, ["tsne"])
    figure = drift_figure(drifted.clear(), summary.clear(), models, titles=TITLES)
    assert "No method" in figure.texts[0].get_text()
