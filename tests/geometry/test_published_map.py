"""The published protocols equal straight implementations of them, written from their code."""

import numpy as np
import pytest
from sklearn.manifold import TSNE

from modelmap import embeddings, protocols
from modelmap.geometry.centering import clip, double_center
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.embedding import TooFewModels, embed

DEFAULTS = {"clip": None, "adjust": [], "tsne": {"random_state": 42}}


def straight_oyama2025(L, dates, names):
    """Sort, clip, center columns then rows, expand the squares, call t-SNE."""
    order = sorted(range(len(names)), key=lambda i: (dates[i], names[i]))
    L = np.maximum(L[order], np.quantile(L, q=0.02))
    by_text = L - L.mean(axis=0)
    Q = by_text - by_text.mean(axis=1)[:, np.newaxis]
    norms = np.sum(Q**2, axis=1)
    G = norms[:, np.newaxis] + norms - 2 * np.dot(Q, Q.T)
    tsne = TSNE(
        n_components=2,
        perplexity=30,
        max_iter=10000,
        init="pca",
        metric="sqeuclidean",
        random_state=42,
    )
    xy = tsne.fit_transform(Q)
    return Q, G, {names[i]: tuple(at) for i, at in zip(order, xy, strict=True)}, order


@pytest.fixture(scope="module")
def models():
    """Families with a heavy tail below, in another order by name than by date."""
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(6), 7)
    L = -300 + 20 * rng.normal(size=(6, 400))[family] + 8 * rng.normal(size=(42, 400))
    L -= 60 * rng.pareto(3, size=(42, 400))
    names = [f"model-{i:02d}" for i in rng.permutation(42)]
    dates = [f"2024-{1 + i:02d}" for i in rng.integers(0, 12, 42)]
    return L, dates, names


def ours(models, protocol):
    """What `center` and `embed` do under a protocol: Q by name, and the embedding t-SNE."""
    L, dates, names = models
    settings = protocols.applied(DEFAULTS | {"protocol": protocol})
    order = np.argsort(names)
    L, names = L[order], [names[i] for i in order]
    if settings["clip"]:
        L = clip(L, quantile=settings["clip"]).L
    Q = double_center(L)
    released = dict(zip(models[2], dates, strict=True)) if protocol == "oyama2025" else {}
    made = embeddings.embeddings(
        names,
        Q,
        {"tsne": settings["tsne"]},
        noise={},
        released=released,
        groups=np.arange(Q.shape[1]),
        n_ellipses=0,
    )
    return names, Q, made["tsne"]


@pytest.fixture(scope="module")
def oyama2025(models):
    return ours(models, "oyama2025")


def test_oyama2025_has_the_values_of_a_straight_implementation(models, oyama2025):
    names, Q, (rows, facts) = oyama2025
    straight_Q, G, xy, order = straight_oyama2025(*models)
    ranks = [names.index(models[2][i]) for i in order]
    np.testing.assert_allclose(Q[ranks], straight_Q, atol=1e-11)
    d2 = squared_distances(Q)[np.ix_(ranks, ranks)]
    np.testing.assert_allclose(d2 * 400, np.maximum(G, 0), rtol=1e-12, atol=1e-8)
    found = np.array([[row["x"], row["y"]] for row in rows])
    np.testing.assert_allclose(found, [xy[row["model"]] for row in rows], rtol=1e-4, atol=1e-4)
    assert facts["parameters"]["published"]


def test_oyama2025_calls_tsne_to_the_letter(models, oyama2025):
    names, Q, (rows, _) = oyama2025
    L, dates, unsorted = models
    order = sorted(range(len(names)), key=lambda i: (dates[unsorted.index(names[i])], names[i]))
    literal = TSNE(
        n_components=2,
        perplexity=30,
        max_iter=10000,
        init="pca",
        metric="sqeuclidean",
        random_state=42,
    ).fit_transform(Q[order])
    at = {row["model"]: (row["x"], row["y"]) for row in rows}
    np.testing.assert_array_equal([at[names[i]] for i in order], literal)


def test_vlm2026_calls_tsne_to_the_letter(models):
    _, Q, (rows, _) = ours(models, "vlm2026")
    np.testing.assert_allclose(Q, double_center(models[0])[np.argsort(models[2])], atol=1e-11)
    literal = TSNE(metric="cosine", random_state=42).fit_transform(Q)
    np.testing.assert_array_equal([[row["x"], row["y"]] for row in rows], literal)


@pytest.mark.parametrize("protocol", ["oyama2025", "vlm2026"])
def test_a_published_call_that_cannot_be_made_is_not_made_otherwise(protocol):
    settings = protocols.applied(DEFAULTS | {"protocol": protocol})["tsne"]
    Q = double_center(np.random.default_rng(0).normal(size=(31, 40)))
    with pytest.raises(TooFewModels, match="perplexity 30, needs at least 31 .* there are 30"):
        embed(Q[:30], "tsne", **settings)
    with pytest.raises(ValueError, match="identical"):
        embed(0 * Q, "tsne", **settings)
    assert embed(Q, "tsne", **settings | {"max_iter": 250}).coordinates.shape == (31, 2)
