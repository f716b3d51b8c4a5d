"""Ellipses have the size that theory predicts, cover the truth, and vanish without noise."""

import numpy as np
import pytest
from scipy import stats

from modelmap.geometry.centering import double_center
from modelmap.geometry.ellipses import (
    covariances,
    redraw_mds,
    redraw_pca,
    redraw_tsne,
)
from modelmap.geometry.embedding import embed
from modelmap.geometry.hotelling import radius
from modelmap.geometry.placing import align

# Twelve models on a circle: both axes have one variance, so that Procrustes leaves no turn.
ANGLES = np.arange(12) * np.pi / 6
CIRCLE = 3 * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])


def plane(n_groups, seed, size=1, own=0.0):
    """Models whose log-likelihoods are Gaussian in two directions of samples, and groups."""
    rng = np.random.default_rng(seed)
    factors = np.repeat(rng.normal(size=(2, n_groups)), size, axis=1)
    noise = np.reshape(own, (-1, 1)) * rng.normal(size=(12, n_groups * size))
    Q = double_center(CIRCLE @ factors + noise)
    return Q, np.repeat(np.arange(n_groups), size)


def pca_ellipses(Q, groups, n_resamples=200):
    points = embed(Q, "pca").coordinates
    maps = {"pca": (points, redraw_pca)}
    found = covariances(Q, groups, maps, n_resamples=n_resamples, random_state=0)
    return points, found["pca"]


@pytest.mark.parametrize("size", [1, 4])
def test_pca_ellipses_have_the_predicted_size(size):
    """z moves by (S − 1)z/2, S the covariance of G Gaussian factors: Var S = 2/G and 1/G."""
    n_groups = 400
    Q, groups = plane(n_groups, seed=0, size=size)
    points, found = pca_ellipses(Q, groups, n_resamples=400)
    x, y = points.T
    predicted = np.array([[2 * x**2 + y**2, x * y], [x * y, x**2 + 2 * y**2]]) / (4 * n_groups)
    size_found = np.trace(found, axis1=1, axis2=2)
    size_predicted = np.trace(predicted, axis1=0, axis2=1)
    np.testing.assert_allclose(size_found, size_predicted, rtol=0.35)
    assert size_found.mean() == pytest.approx(size_predicted.mean(), rel=0.12)


def test_ellipses_cover_the_true_positions():
    inside, limit = [], radius(0.95, 60) ** 2
    for seed in range(40):
        Q, groups = plane(150, seed=seed)
        points, found = pca_ellipses(Q, groups, n_resamples=60)
        off = align(CIRCLE, points) - points
        inside.append([d @ np.linalg.solve(C, d) < limit for d, C in zip(off, found, strict=True)])
    assert 0.9 <= np.mean(inside) <= 0.99


def test_a_model_with_more_noise_has_the_larger_ellipse():
    own = np.ones(12)
    own[4] = 2
    _, found = pca_ellipses(*plane(300, seed=1, own=own))
    area = np.sqrt(np.linalg.det(found))
    assert area.argmax() == 4
    assert area[4] > 1.3 * np.sort(area)[-2]


def families(seed=0):
    rng = np.random.default_rng(seed)
    L = np.repeat(rng.normal(size=(4, 120)), 5, axis=0)
    return double_center(L + 0.5 * rng.normal(size=L.shape))


def tsne(Q, **how):
    params = {"perplexity": 6, "metric": "euclidean", "max_iter": 2000, "random_state": 0} | how
    placed = embed(Q, "tsne", **params)
    used = {key: params[key] for key in ("perplexity", "metric", "published") if key in params}
    return placed.coordinates, redraw_tsne(**used)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"metric": "cosine"},
        {"metric": "sqeuclidean", "published": True},
        {"metric": "cosine", "published": True},
    ],
)
def test_without_noise_of_resampling_there_is_no_ellipse(how):
    """All groups alike: any resample is the whole, and a map redrawn from itself stays."""
    Q = np.tile(families(), (1, 8))
    maps = {"tsne": tsne(Q, **how), "pca": (embed(Q, "pca").coordinates, redraw_pca)}
    maps["mds"] = embed(Q, "mds", noise=[0.01] * 20).coordinates, redraw_mds([0.01] * 20)
    groups = np.repeat(np.arange(8), 120)
    found = covariances(Q, groups, maps, n_resamples=5, random_state=0)
    for name, (points, _) in maps.items():
        assert np.abs(found[name]).max() < 1e-9 * np.ptp(points) ** 2, name


def test_more_samples_make_smaller_ellipses_of_tsne():
    rng = np.random.default_rng(0)
    centers = np.repeat(rng.normal(size=(4, 1600)), 5, axis=0)
    Q = double_center(centers + 0.5 * rng.normal(size=centers.shape))
    sizes = []
    for n in (100, 1600):
        maps = {"tsne": tsne(Q[:, :n])}
        found = covariances(Q[:, :n], np.arange(n), maps, n_resamples=30, random_state=0)
        sizes.append(np.sqrt(np.trace(found["tsne"], axis1=1, axis2=2).mean()))
        sizes[-1] /= np.ptp(maps["tsne"][0])
    assert sizes[1] < 0.5 * sizes[0]


def test_samples_of_one_group_are_not_independent():
    Q, groups = plane(100, seed=2, size=5)
    grouped, alone = (pca_ellipses(Q, labels)[1] for labels in (groups, np.arange(500)))
    assert np.trace(grouped.mean(axis=0)) > 3 * np.trace(alone.mean(axis=0))


def test_the_order_of_models_and_samples_changes_no_ellipse():
    Q, groups = plane(100, seed=3, size=2, own=0.5)
    rng = np.random.default_rng(0)
    models, samples = rng.permutation(12), rng.permutation(200)
    _, found = pca_ellipses(Q, groups, n_resamples=20)
    points, mixed = pca_ellipses(Q[models][:, samples], groups[samples], n_resamples=20)
    np.testing.assert_allclose(mixed, found[models], atol=1e-9)


def test_ellipses_are_covariances():
    Q = families()
    Q[1] = Q[0]
    maps = {"tsne": tsne(Q)}
    found = covariances(Q, np.arange(120), maps, n_resamples=10, random_state=0)["tsne"]
    np.testing.assert_allclose(found, found.transpose(0, 2, 1))
    assert (np.linalg.eigvalsh(found) >= -1e-12).all()


@pytest.mark.parametrize("n_models", [2, 3])
def test_identical_and_few_models_have_ellipses_of_no_size(n_models):
    Q, groups = np.zeros((n_models, 10)), np.arange(10)
    maps = {
        name: (np.zeros((n_models, 2)), redraw)
        for name, redraw in (("pca", redraw_pca), ("mds", redraw_mds([None] * n_models)))
    }
    for found in covariances(Q, groups, maps, n_resamples=10, random_state=0).values():
        assert not found.any()


def test_one_group_is_refused():
    with pytest.raises(ValueError, match="1 groups of samples, expected at least 2"):
        pca_ellipses(plane(10, seed=0)[0], np.zeros(10))


@pytest.mark.parametrize(("level", "n"), [(0.95, 10), (0.95, 100), (0.5, 1000)])
def test_the_radius_is_that_of_hotelling(level, n):
    f = stats.f.ppf(level, 2, n - 2)
    assert radius(level, n) == pytest.approx(np.sqrt(2 * (n - 1) / (n - 2) * f))


def test_the_radius_is_that_of_a_gaussian_with_many_resamples():
    assert radius(0.95, 10**6) == pytest.approx(np.sqrt(5.991), rel=1e-3)
    assert radius(0.95, 20) > radius(0.95, 100)


def test_a_weight_is_as_good_as_samples_that_are_there_several_times():
    rng = np.random.default_rng(4)
    L, groups = rng.normal(size=(7, 60)), np.arange(60) // 2
    first = rng.integers(1, 4, 30)
    counts = np.column_stack([first, 4 - first]).ravel()  # four of each group
    weights = np.sqrt(counts / 2)
    how = {"n_resamples": 20, "random_state": 0}

    def ellipses(Q, groups, **weighted):
        maps = {"pca": (embed(Q, "pca").coordinates, redraw_pca)}
        return covariances(Q, groups, maps, **how, **weighted)["pca"]

    every = ellipses(double_center(np.repeat(L, counts, axis=1)), np.repeat(groups, counts))
    Q = double_center(L, weights=weights)
    np.testing.assert_allclose(ellipses(Q, groups, weights=weights), every, atol=1e-12)
    assert not np.allclose(ellipses(Q, groups), every)
