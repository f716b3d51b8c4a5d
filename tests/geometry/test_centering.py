import numpy as np
import pytest

from modelmap.geometry.centering import (
    basis,
    clip,
    complete,
    double_center,
    share_along,
    without,
)
from modelmap.geometry.divergence import squared_distances


@pytest.fixture
def L():
    rng = np.random.default_rng(0)
    return -60 + 5 * rng.normal(size=(7, 1)) + 10 * rng.normal(size=40) + rng.normal(size=(7, 40))


def test_rows_and_columns_sum_to_zero(L):
    Q = double_center(L)
    assert np.abs(Q.sum(axis=0)).max() < 1e-11
    assert np.abs(Q.sum(axis=1)).max() < 1e-11


def test_double_centering_is_idempotent(L):
    Q = double_center(L)
    np.testing.assert_allclose(double_center(Q), Q, atol=1e-12)
    assert not np.allclose(L, Q)


def test_shift_of_a_model_or_a_sample_changes_nothing(L):
    shifted = L + np.arange(7)[:, None] + np.linspace(-3, 3, 40)
    np.testing.assert_allclose(double_center(shifted), double_center(L), atol=1e-12)


def test_single_precision_is_centered_in_double(L):
    Q = double_center(L.astype(np.float32))
    assert Q.dtype == np.float64
    assert np.abs(Q.sum(axis=1)).max() < 1e-11


def test_missing_cell_is_named(L):
    L[2, 17] = np.nan
    for function in (double_center, lambda L: clip(L, quantile=0.02)):
        with pytest.raises(ValueError, match=r"1 missing cells.* model 2, sample 17.*complete"):
            function(L)


def test_clip_raises_the_lowest_of_all_entries():
    L = np.stack([np.arange(50.0), np.arange(50.0, 100.0)])
    clipped = clip(L, quantile=0.1)
    assert clipped.threshold == pytest.approx(9.9)  # of the 100 entries together
    assert clipped.share.tolist() == [0.2, 0.0]
    assert clipped.L.min() == clipped.threshold
    np.testing.assert_array_equal(clipped.L[L >= 9.9], L[L >= 9.9])


def test_clip_at_zero_clips_nothing(L):
    clipped = clip(L, quantile=0.0)
    np.testing.assert_array_equal(clipped.L, L)
    assert not clipped.share.any()


def test_complete_judges_models_before_samples(L):
    L[0, :20] = np.nan  # a failed model must not cost twenty samples
    L[3, 5] = np.nan
    L[4, 7] = -np.inf
    models, samples = complete(L, max_missing=0.03)
    assert np.flatnonzero(~models).tolist() == [0]
    assert np.flatnonzero(~samples).tolist() == [5, 7]
    assert np.isfinite(L[np.ix_(models, samples)]).all()


def test_complete_keeps_a_model_at_the_limit():
    L = np.zeros((2, 50))
    L[0, 0] = L[1, :2] = np.nan
    assert complete(L)[0].tolist() == [True, False]
    assert complete(L, max_missing=0.04)[0].tolist() == [True, True]


def test_complete_of_a_complete_matrix_keeps_everything(L):
    assert all(mask.all() for mask in complete(L))


# Length and difficulty


@pytest.fixture
def n_bytes():
    return np.random.default_rng(1).integers(20, 200, size=40).astype(float)


def test_directions_are_orthonormal_and_span_the_columns(L, n_bytes):
    found = basis(n_bytes, L.mean(axis=0))
    np.testing.assert_allclose(found.T @ found, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-12)
    for column in (n_bytes, L.mean(axis=0)):
        centered = column - column.mean()
        np.testing.assert_allclose(found @ (found.T @ centered), centered, rtol=1e-9)


def test_a_column_that_does_not_vary_or_is_another_adds_no_direction(n_bytes):
    assert basis(np.full(40, -40.1)).shape == (40, 0)
    assert basis(n_bytes, np.zeros(40)).shape == (40, 1)
    assert basis(n_bytes, 3 * n_bytes - 7).shape == (40, 1)


def test_projected_rows_forget_the_columns_and_stay_centered(L, n_bytes):
    difficulty = L.mean(axis=0)
    Q = without(double_center(L), basis(n_bytes, difficulty))
    for column in (n_bytes, difficulty, np.ones(40)):
        assert np.abs(Q @ column).max() < 1e-9 * np.linalg.norm(column)
    assert np.abs(Q.sum(axis=0)).max() < 1e-11
    np.testing.assert_allclose(without(Q, basis(n_bytes, difficulty)), Q, atol=1e-11)


def test_a_planted_length_effect_is_measured_and_removed(L, n_bytes):
    """b nats per byte make b² Var(bytes) of d², which is told and goes; the rest stays."""
    slopes = np.linspace(-0.1, 0.2, 7)
    longer = L + slopes[:, None] * n_bytes
    off = basis(n_bytes)
    np.testing.assert_allclose(
        squared_distances(without(double_center(longer), off)),
        squared_distances(without(double_center(L), off)),
        atol=1e-10,
    )
    pure = double_center(L.mean(axis=0) + slopes[:, None] * n_bytes)
    planted = (slopes[:, None] - slopes) ** 2 * n_bytes.var()
    np.testing.assert_allclose(squared_distances(pure), planted, atol=1e-9)
    models, pairs = share_along(pure, off)
    np.testing.assert_allclose([*models, pairs], 1)


def test_the_share_is_what_distances_lose(L, n_bytes):
    Q, off = double_center(L + 0.02 * np.arange(7)[:, None] * n_bytes), basis(n_bytes)
    d2, left = squared_distances(Q), squared_distances(without(Q, off))
    models, pairs = share_along(Q, off)
    np.testing.assert_allclose(models, 1 - left.sum(axis=1) / d2.sum(axis=1))
    assert pairs == pytest.approx(1 - left.sum() / d2.sum())
    moved, _ = share_along(Q + np.linspace(-1, 1, 40), off)  # column means, as on a frozen map
    np.testing.assert_allclose(moved, models, rtol=1e-9)


def test_without_an_effect_distances_lose_the_share_of_one_dimension():
    rng = np.random.default_rng(2)
    losses = [
        share_along(double_center(rng.normal(size=(2, 30))), basis(rng.normal(size=30)))[1]
        for _ in range(2000)
    ]
    assert np.mean(losses) == pytest.approx(1 / 29, rel=0.1)


def test_adjustment_follows_the_order_of_models_and_samples(L, n_bytes):
    rng = np.random.default_rng(3)
    models, samples = rng.permutation(7), rng.permutation(40)
    straight = without(double_center(L), basis(n_bytes, L.mean(axis=0)))
    mixed_L = L[models][:, samples]
    mixed = without(double_center(mixed_L), basis(n_bytes[samples], mixed_L.mean(axis=0)))
    np.testing.assert_allclose(mixed, straight[models][:, samples], atol=1e-11)


@pytest.mark.parametrize("column_means", [None, np.full(40, -35.0), np.linspace(-60, -20, 40)])
@pytest.mark.parametrize("n", [1, 3])
def test_models_without_distances_have_no_share(L, n_bytes, n, column_means):
    """What centering leaves of equal models is rounding, and no share of rounding is told."""
    equal = double_center(np.tile(L[:1] / 3, (n, 1)), column_means=column_means)
    models, pairs = share_along(equal, basis(n_bytes))
    assert np.isnan([*models, pairs]).all()


# Weights


def test_a_weight_is_as_good_as_samples_that_are_there_several_times():
    rng = np.random.default_rng(20)
    L, counts = rng.normal(-50, 9, (5, 40)), rng.integers(1, 5, 40)
    length, weights = rng.integers(5, 90, 40), np.sqrt(counts)
    Q = double_center(L, weights=weights)
    np.testing.assert_allclose(Q @ weights, 0, atol=1e-9)
    np.testing.assert_allclose(Q.sum(axis=0), 0, atol=1e-9)
    repeated = double_center(np.repeat(L, counts, axis=1))
    np.testing.assert_allclose(Q @ Q.T, repeated @ repeated.T)

    some = without(Q, basis(length, L.mean(axis=0), weights=weights))
    directions = basis(*(np.repeat(column, counts) for column in (length, L.mean(axis=0))))
    every = without(repeated, directions)
    np.testing.assert_allclose(some @ some.T, every @ every.T)


def test_weights_of_one_change_nothing():
    L = np.random.default_rng(21).normal(size=(4, 30))
    np.testing.assert_allclose(double_center(L, weights=np.ones(30)), double_center(L), atol=1e-12)
