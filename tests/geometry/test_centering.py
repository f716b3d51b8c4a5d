import numpy as np
import pytest

from modelmap.geometry.centering import clip, complete, double_center


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
