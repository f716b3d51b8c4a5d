"""Between models of an exponential family the map knows the mean log-likelihood."""

import numpy as np

from modelmap.geometry.interpolation import mean_log_likelihood

GRID = [(0, 0), (1, 0), (0, 1), (0.4, 0.2), (0.2, 0.2), (0.6, 0.4), (1, 1)]


def family(scale, n_texts=2000, seed=0):
    """Three models on texts that the first of them draws, and all models between them."""
    rng = np.random.default_rng(seed)
    features = scale * rng.normal(size=(2, n_texts))

    def log_likelihood(a, b):
        tilted = np.array([a, b]) @ features
        return tilted - np.log(np.mean(np.exp(tilted))) - np.log(n_texts)  # of every text

    return log_likelihood


def error(scale, which):
    between = family(scale)
    L = np.array([between(a, b) for a, b in GRID])
    return np.abs(mean_log_likelihood(L[:3], GRID)[which] - L.mean(axis=1)).max()


def test_at_the_models_themselves_it_is_theirs():
    L = np.random.default_rng(0).normal(size=(3, 50))
    for found in mean_log_likelihood(L, GRID[:3]):
        np.testing.assert_allclose(found, L.mean(axis=1))


def test_the_error_falls_with_the_third_power_of_the_distance_that_of_the_plane_with_the_second():
    assert error(0.2, 1) / error(0.1, 1) > 6
    assert 3 < error(0.2, 0) / error(0.1, 0) < 5
    assert error(0.1, 1) < error(0.1, 0) / 10


def test_inside_the_triangle_more_is_expected_than_on_the_plane():
    between = family(0.5)
    L = np.array([between(*point) for point in GRID[:3]])
    plane, expected = mean_log_likelihood(L, GRID)
    assert (expected[3:6] > plane[3:6]).all()


def test_adding_a_constant_to_texts_moves_nothing_but_the_level():
    L = np.random.default_rng(1).normal(size=(3, 50))
    shift = np.random.default_rng(2).normal(size=50)
    for found, moved in zip(
        mean_log_likelihood(L, GRID), mean_log_likelihood(L + shift, GRID), strict=True
    ):
        np.testing.assert_allclose(moved, found + shift.mean())
