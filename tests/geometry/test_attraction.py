"""Affinities and losses against scikit-learn, umap-learn and differences."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from sklearn.manifold._t_sne import _joint_probabilities, _kl_divergence

from modelmap.geometry import attraction
from modelmap.geometry.divergence import squared_distances

pytestmark = pytest.mark.slow

N = 20
Q = np.random.default_rng(0).normal(size=(N, 50))
D2 = squared_distances(Q)
TO_OTHERS = D2 + np.diag(np.full(N, np.inf))
Y = np.random.default_rng(1).normal(size=(N, 2))


def slopes(loss, at, step=1e-6):
    """The gradient by differences."""
    found = np.empty(at.shape)
    for i in np.ndindex(at.shape):
        by = np.zeros(at.shape)
        by[i] = step
        found[i] = (loss(at + by)[0] - loss(at - by)[0]) / (2 * step)
    return found


def test_affinities_and_loss_are_those_of_tsne():
    p = attraction.tsne_affinities(TO_OTHERS, perplexity=6)
    joint = _joint_probabilities(D2.astype(np.float32), 6.0, 0)
    np.testing.assert_allclose((p + p.T) / (2 * N), squareform(joint), atol=1e-6)
    value, gradient = attraction.tsne_loss(D2, perplexity=6)(Y)
    expected, slope = _kl_divergence(Y.ravel(), joint, 1, N, 2)
    assert value == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(gradient.ravel(), slope, atol=1e-6)


def test_affinities_and_similarity_are_those_of_umap():
    from umap import UMAP

    graph = UMAP(n_neighbors=8, min_dist=0.3, random_state=0, n_jobs=1).fit(Q)
    p = attraction.umap_affinities(TO_OTHERS, n_neighbors=8)
    np.testing.assert_allclose(p + p.T - p * p.T, graph.graph_.toarray(), atol=1e-4)
    np.testing.assert_allclose(attraction.similarity_curve(0.3), [graph._a, graph._b])


@pytest.mark.parametrize(
    "loss",
    [
        attraction.tsne_loss(D2, perplexity=6),
        attraction.umap_loss(D2, n_neighbors=8, min_dist=0.1),
    ],
)
def test_gradients_of_all_points(loss):
    np.testing.assert_allclose(loss(Y)[1], slopes(loss, Y), atol=1e-8)
    turned = Y @ [[0, 1], [-1, 0]] + 3
    assert loss(turned)[0] == pytest.approx(loss(Y)[0])


@pytest.mark.parametrize("at", [Y[3], np.array([0.3, -2.0])])
def test_gradients_of_one_point(at):
    p = attraction.tsne_affinities(TO_OTHERS[:1], perplexity=6)[0]
    loss = attraction.tsne_loss_of_one(p, Y)
    np.testing.assert_allclose(loss(at)[1], slopes(loss, at), atol=1e-8)
    loss = attraction.umap_loss_of_one(p, Y, min_dist=0.1)
    np.testing.assert_allclose(loss(at)[1], slopes(loss, at), atol=1e-6)


def test_the_loss_of_one_point_is_that_of_all_as_one_moves():
    """Where affinities are the same from both sides: of a circle of models."""
    angles = 2 * np.pi * np.arange(N) / N
    circle = squared_distances(np.column_stack([np.cos(angles), np.sin(angles)]))
    p = attraction.tsne_affinities(circle + np.diag(np.full(N, np.inf)), perplexity=6)
    every = attraction.tsne_loss(circle, perplexity=6)
    one = attraction.tsne_loss_of_one(p[0, 1:], Y[1:])
    there, here = np.array([0.3, 0.4]), np.array([-1.0, 0.2])
    by_all = every(np.vstack([there, Y[1:]]))[0] - every(np.vstack([here, Y[1:]]))[0]
    assert one(there)[0] - one(here)[0] == pytest.approx(by_all)
