import numpy as np
import pytest
from scipy import stats

from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import (
    bits_per_byte,
    intervals_of_pairs,
    mean_interval,
    squared_distance_intervals,
    squared_distances,
)

GROUPINGS = {
    "singles": np.arange(60),
    "pairs": np.arange(60) // 2,
    "interleaved": np.arange(60) % 7,
    "unequal": np.repeat(np.arange(8), [1, 1, 2, 3, 5, 8, 15, 25]),
    "around the limit": np.repeat(np.arange(9), [8, 9, 1, 8, 8, 9, 10, 6, 1]),
    "names": np.array([f"image{s // 3}" for s in range(60)]),
}


@pytest.fixture
def L():
    return np.random.default_rng(0).standard_t(5, size=(6, 60)) * 3 - 40


def direct_interval(l_i, l_j, groups, level):
    """The definition of geometry.md for one pair, sample by sample."""
    delta = (l_i - l_i.mean()) - (l_j - l_j.mean())
    d2 = np.mean(delta**2)
    u = np.array([np.sum(delta[groups == g] ** 2 - d2) for g in np.unique(groups)])
    se = np.sqrt(len(u) / (len(u) - 1) * np.sum(u**2)) / len(delta)
    half = stats.t.ppf((1 + level) / 2, len(u) - 1) * se / d2
    return d2 * np.exp(-half), d2 * np.exp(half)


def test_squared_distance_is_the_variance_of_the_differences(L):
    d2 = squared_distances(double_center(L))
    expected = [[np.var(l_i - l_j) for l_j in L] for l_i in L]
    np.testing.assert_allclose(d2, expected, rtol=1e-12, atol=1e-12)
    assert (np.diag(d2) == 0).all()
    assert (d2 == d2.T).all()


def test_shift_of_a_model_or_a_sample_leaves_distances(L):
    shifted = L + np.arange(6)[:, None] + np.linspace(-30, 30, 60)
    np.testing.assert_allclose(
        squared_distances(double_center(shifted)), squared_distances(double_center(L)), atol=1e-11
    )


def test_blocks_join_without_a_seam():
    Q = double_center(np.random.default_rng(0).normal(size=(2060, 20)))
    Q[2050] = Q[7] + 1e-7 * Q[8]  # nearly equal, in another block
    d2 = squared_distances(Q)
    assert d2[7, 2050] == pytest.approx(1e-14 * np.mean(Q[8] ** 2), rel=1e-6, abs=0)
    some = [0, 7, 1023, 1024, 1025, 2047, 2048, 2050, 2059]
    np.testing.assert_allclose(d2[np.ix_(some, some)], squared_distances(Q[some]), atol=1e-12)
    assert (d2 == d2.T).all()
    assert d2.min() == 0


def test_nearly_equal_models_keep_their_digits(L):
    rng = np.random.default_rng(1)
    noise = 1e-7 * rng.normal(size=60)
    Q = double_center(np.vstack([L, L[0] + noise, L[0]]))
    groups = GROUPINGS["unequal"]
    low, high = squared_distance_intervals(Q, groups, level=0.95)
    d2 = squared_distances(Q)
    assert d2[0, 6] == pytest.approx(np.var(noise), rel=1e-5, abs=0)
    assert (low[0, 6], high[0, 6]) == pytest.approx(
        direct_interval(L[0] + noise, L[0], groups, 0.95), rel=1e-5, abs=0
    )
    assert d2[0, 7] == low[0, 7] == high[0, 7] == 0


@pytest.mark.parametrize("name", GROUPINGS)
def test_interval_equals_the_definition(L, name):
    groups = GROUPINGS[name]
    low, high = squared_distance_intervals(double_center(L), groups, level=0.9)
    for i in range(len(L)):
        for j in range(len(L)):
            if i != j:
                expected = direct_interval(L[i], L[j], groups, 0.9)
                assert (low[i, j], high[i, j]) == pytest.approx(expected, rel=1e-9)
    assert not np.diag(low).any()
    assert not np.diag(high).any()


@pytest.mark.parametrize("name", GROUPINGS)
def test_some_pairs_have_the_interval_that_all_have(L, name):
    Q, i, j = double_center(L), np.array([0, 4, 3]), np.array([1, 2, 3])
    every = squared_distance_intervals(Q, GROUPINGS[name], level=0.9)
    some = intervals_of_pairs(Q, GROUPINGS[name], i, j, level=0.9)
    np.testing.assert_allclose(some, [every[0][i, j], every[1][i, j]], rtol=1e-9)


def test_result_goes_where_it_is_wanted(L, tmp_path):
    out = np.lib.format.open_memmap(tmp_path / "d2.npy", "w+", shape=(6, 6))
    squared_distances(double_center(L), out=out)
    out.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "d2.npy"), squared_distances(double_center(L)))


def test_groups_of_one_give_the_plain_error_of_a_variance(L):
    Q = double_center(L)
    low, high = squared_distance_intervals(Q, np.arange(60), level=0.95)
    squares = (Q[0] - Q[1]) ** 2
    half = stats.t.ppf(0.975, 59) * stats.sem(squares) / squares.mean()
    assert low[0, 1] == pytest.approx(squares.mean() * np.exp(-half))
    assert high[0, 1] == pytest.approx(squares.mean() * np.exp(half))


def test_copies_inside_a_group_add_no_certainty(L):
    Q = double_center(L)
    single = squared_distance_intervals(Q, np.arange(60), level=0.95)
    twice = squared_distance_intervals(
        np.repeat(Q, 2, axis=1), np.repeat(np.arange(60), 2), level=0.95
    )
    np.testing.assert_allclose(twice, single, atol=1e-10)
    naive = squared_distance_intervals(np.repeat(Q, 2, axis=1), np.arange(120), level=0.95)
    assert naive[1][0, 1] < single[1][0, 1]


def test_order_of_samples_and_models_does_not_matter(L):
    rng = np.random.default_rng(2)
    models, samples, groups = rng.permutation(6), rng.permutation(60), GROUPINGS["unequal"]
    Q = double_center(L)
    straight = squared_distance_intervals(Q, groups, level=0.95)
    mixed = squared_distance_intervals(Q[models][:, samples], groups[samples], level=0.95)
    for a, b in zip(straight, mixed, strict=True):
        np.testing.assert_allclose(a[np.ix_(models, models)], b, atol=1e-9)


@pytest.mark.parametrize("heavy", [False, True])
def test_interval_covers(heavy):
    """Two models, 600 draws at once: pair (2k, 2k + 1) is a draw."""
    rng = np.random.default_rng(3)
    n_draws, n_groups, size = 600, 80, 3
    shape = (n_draws, n_groups, size)
    noise = rng.standard_t(8, size=shape) / np.sqrt(8 / 6) if heavy else rng.normal(size=shape)
    shared = rng.normal(size=(n_draws, n_groups, 1))
    delta = (shared + noise).reshape(n_draws, -1)  # variance 2, correlation 0.5 in a group
    groups = np.repeat(np.arange(n_groups), size)
    covered, covered_without = (
        np.mean(
            [
                low[0, 1] <= 2 <= high[0, 1]
                for pair in delta
                for low, high in [
                    squared_distance_intervals(np.stack([pair, -pair]) / 2, labels, level=0.95)
                ]
            ]
        )
        for labels in (groups, np.arange(delta.shape[1]))
    )
    assert 0.91 < covered < 0.98
    assert covered_without < covered - 0.02  # ignoring groups is too sure


def test_one_group_has_no_interval(L):
    low, high = squared_distance_intervals(double_center(L), np.zeros(60), level=0.95)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_labels_must_match_samples(L):
    with pytest.raises(ValueError, match="groups has 59 labels, expected 60"):
        squared_distance_intervals(double_center(L), np.arange(59), level=0.95)


def test_mean_interval_of_singles_is_the_t_interval():
    x = np.random.default_rng(0).normal(size=30)
    expected = stats.t.interval(0.9, 29, loc=x.mean(), scale=stats.sem(x))
    assert mean_interval(x, np.arange(30), level=0.9) == pytest.approx((x.mean(), *expected))


def test_mean_interval_of_copies_is_that_of_the_groups():
    x = np.random.default_rng(0).normal(size=30)
    groups = np.tile(np.arange(30), 4)
    assert mean_interval(np.tile(x, 4), groups, level=0.9) == pytest.approx(
        mean_interval(x, np.arange(30), level=0.9)
    )


def test_mean_interval_of_one_group_is_unknown():
    mean, low, high = mean_interval([1.0, 2.0], ["a", "a"], level=0.9)
    assert mean == 1.5
    assert np.isnan([low, high]).all()


def test_bits_per_byte():
    assert bits_per_byte(np.log(2) * 50, 50) == pytest.approx(1)


def test_a_weight_is_as_good_as_values_that_are_there_several_times():
    rng = np.random.default_rng(40)
    x, counts, groups = rng.normal(size=50), rng.integers(1, 4, 50), np.arange(50) // 2
    found = mean_interval(x, groups, level=0.9, weights=np.sqrt(counts))
    every = mean_interval(np.repeat(x, counts), np.repeat(groups, counts), level=0.9)
    assert found == pytest.approx(every)
