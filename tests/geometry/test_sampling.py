"""Sampling by importance: what a draw estimates, and how far off it is on average."""

import itertools
import math

import numpy as np
import pytest

from modelmap.geometry import sampling
from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import squared_distances

K, N = 6, 120
SINGLE = np.arange(N)
GROUPS = np.repeat(np.arange(N // 3), 3)
UNEVEN = np.repeat(np.arange(30), np.r_[np.full(15, 1), np.full(15, 7)])


def coordinates(seed=0, heavy=True):
    """Models that differ much on few samples, and alike on those of one group."""
    rng = np.random.default_rng(seed)
    L = rng.normal(size=(K, N)) + np.repeat(rng.normal(size=(K, N // 3)), 3, axis=1)
    return double_center(L * (rng.lognormal(0, 0.8, N) if heavy else 1))


def whole(Q):
    return N * squared_distances(Q)[np.triu_indices(len(Q), 1)]


@pytest.mark.parametrize("n", [2, 3, 7])
def test_pairs_stand_in_the_order_of_rows(n):
    at = np.arange(n * (n - 1) // 2)[::-1]
    found = sampling.pairs_at(n, at)
    np.testing.assert_array_equal(found, np.array(np.triu_indices(n, 1))[:, ::-1])


def test_pairs_of_many_models_are_found_without_a_list_of_all():
    i, j = sampling.pairs_at(100_000, np.array([0, 99_998, 99_999, 4_999_949_999]))
    np.testing.assert_array_equal(i, [0, 0, 1, 99_998])
    np.testing.assert_array_equal(j, [1, 99_999, 2, 99_999])


# Probabilities


@pytest.mark.parametrize("method", sampling.METHODS)
@pytest.mark.parametrize("groups", [SINGLE, GROUPS, UNEVEN])
def test_probabilities_are_positive_and_sum_to_one(method, groups):
    found = sampling.probabilities(coordinates(), groups, method=method)
    assert len(found) == len(set(groups))
    assert (found > 0).all()
    assert found.sum() == pytest.approx(1)


def test_groups_of_one_sample_have_the_published_probabilities():
    Q = coordinates()
    S1, S2, S3, S4 = ((Q**m).sum(axis=0) for m in (1, 2, 3, 4))
    published = {
        "uniform": np.ones(N),
        "ls": S2,
        "kl": np.sqrt(np.maximum(0, 2 * K * S4 + 6 * S2**2 - 8 * S1 * S3)),
    }
    for method, score in published.items():
        found = sampling.probabilities(Q, SINGLE, method=method)
        np.testing.assert_allclose(found, score / score.sum())


@pytest.mark.parametrize("groups", [GROUPS, UNEVEN])
def test_groups_count_by_the_squared_distances_that_they_carry(groups):
    Q, pairs = coordinates(), np.array(list(itertools.product(range(K), repeat=2)))
    squares = (Q[pairs[:, 0]] - Q[pairs[:, 1]]) ** 2
    carried = np.array([squares[:, groups == g].sum(axis=1) for g in np.unique(groups)])
    for method, score in (("ls", carried.sum(axis=1)), ("kl", np.linalg.norm(carried, axis=1))):
        found = sampling.probabilities(Q, groups, method=method)
        np.testing.assert_allclose(found, score / score.sum())


@pytest.mark.parametrize("method", sampling.METHODS)
def test_what_is_common_to_all_models_changes_no_probability(method):
    Q = coordinates()
    shifted = Q + np.random.default_rng(1).normal(size=N)
    np.testing.assert_allclose(
        sampling.probabilities(shifted, GROUPS, method=method),
        sampling.probabilities(Q, GROUPS, method=method),
    )


def test_the_order_of_models_and_samples_changes_nothing():
    Q, rng = coordinates(), np.random.default_rng(2)
    models, samples = rng.permutation(K), rng.permutation(N)
    pairs = np.triu_indices(K, 1)
    for method in sampling.METHODS:
        first = sampling.probabilities(Q, UNEVEN, method=method)
        mixed = Q[models][:, samples]
        second = sampling.probabilities(mixed, UNEVEN[samples], method=method)
        np.testing.assert_allclose(second, first)
        drawn = sampling.weights(sampling.draw(first, 9, rng), first)[None] ** 2
        np.testing.assert_allclose(
            sampling.squared_errors(mixed, UNEVEN[samples], pairs, drawn),
            sampling.squared_errors(Q, UNEVEN, pairs, drawn),
        )
        np.testing.assert_allclose(
            sampling.expected_squared_errors(mixed, UNEVEN[samples], pairs, first),
            sampling.expected_squared_errors(Q, UNEVEN, pairs, first),
        )


def test_models_that_do_not_differ_tell_nothing_of_samples():
    same = np.tile(coordinates()[0], (3, 1))
    for method in ("ls", "kl"):
        with pytest.raises(sampling.Alike, match="no two of 3"):
            sampling.probabilities(same, GROUPS, method=method)
    assert sampling.probabilities(same, GROUPS, method="uniform")[0] == pytest.approx(3 / N)
    with pytest.raises(ValueError, match="'best', expected one of uniform, ls, kl"):
        sampling.probabilities(same, GROUPS, method="best")


# Draws


def test_weights_are_those_of_the_paper():
    counts, probability = np.array([2, 0, 1]), np.array([0.5, 0.2, 0.3])
    expected = [math.sqrt(2 / (3 * 0.5)), 0, math.sqrt(1 / (3 * 0.3))]
    np.testing.assert_allclose(sampling.weights(counts, probability), expected)


@pytest.mark.parametrize("method", sampling.METHODS)
@pytest.mark.parametrize("n", [1, 2])
def test_an_estimate_is_right_on_average_over_all_possible_draws(method, n):
    Q = double_center(np.random.default_rng(3).normal(size=(4, 9)))
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    probability = sampling.probabilities(Q, groups, method=method)
    mean, chance = np.zeros((4, 4)), 0.0
    for drawn in itertools.product(range(4), repeat=n):
        w = sampling.weights(np.bincount(drawn, minlength=4), probability)[groups]
        estimate = 9 * squared_distances(Q * w)
        mean += probability[list(drawn)].prod() * estimate
        chance += probability[list(drawn)].prod()
    assert chance == pytest.approx(1)
    np.testing.assert_allclose(mean, 9 * squared_distances(Q))


def test_of_single_samples_that_are_alike_the_estimated_mean_costs_one_in_n():
    """The bias of a variance by n; exact for uniform draws of single samples."""
    Q, n = coordinates(heavy=False), 10
    probability = sampling.probabilities(Q, SINGLE, method="uniform")
    rng, total = np.random.default_rng(4), 0
    for _ in range(3000):
        w = sampling.weights(sampling.draw(probability, n, rng), probability)
        total = total + N * squared_distances(double_center(Q, weights=w))
    ratio = total[np.triu_indices(K, 1)] / 3000 / whole(Q)
    assert ratio.mean() == pytest.approx(1 - 1 / n, abs=0.01)


def test_the_expected_number_of_samples_is_the_mean_over_draws():
    probability = sampling.probabilities(coordinates(), UNEVEN, method="kl")
    sizes, rng = np.unique(UNEVEN, return_counts=True)[1], np.random.default_rng(5)
    drawn = rng.multinomial(12, probability, size=4000) > 0
    found = sampling.expected_unique(probability, 12, sizes)
    assert found == pytest.approx((drawn @ sizes).mean(), rel=0.01)
    assert sampling.expected_unique(np.ones(1), 12, np.array([4])) == 4


# Errors


@pytest.mark.parametrize("method", sampling.METHODS)
@pytest.mark.parametrize("groups", [SINGLE, UNEVEN])
def test_errors_are_those_of_the_weighted_coordinates(method, groups):
    Q, (i, j) = coordinates(), np.triu_indices(K, 1)
    probability, G = sampling.probabilities(Q, groups, method=method), whole(Q)
    rng, pairs = np.random.default_rng(6), (i, j)
    w = np.array(
        [sampling.weights(sampling.draw(probability, 20, rng), probability) for _ in range(5)]
    )
    absolute, relative = sampling.squared_errors(Q, groups, pairs, w**2)
    for row, a, r in zip(w, absolute, relative, strict=True):
        off = N * squared_distances(double_center(Q, weights=row[groups]))[i, j] - G
        assert a == pytest.approx((off**2).sum())
        assert r == pytest.approx(((off / G) ** 2).sum())


@pytest.mark.parametrize("method", sampling.METHODS)
@pytest.mark.parametrize("groups", [SINGLE, GROUPS, UNEVEN])
def test_a_subsets_error_is_as_predicted(method, groups):
    Q, n, pairs = coordinates(), 60, np.triu_indices(K, 1)
    probability = sampling.probabilities(Q, groups, method=method)
    rng = np.random.default_rng(7)
    drawn = rng.multinomial(n, probability, size=4000) / (n * probability)
    absolute, relative = sampling.squared_errors(Q, groups, pairs, drawn)
    *predicted, size = sampling.expected_squared_errors(Q, groups, pairs, probability)
    assert size == pytest.approx((whole(Q) ** 2).sum())
    assert math.sqrt(absolute.mean()) == pytest.approx(math.sqrt(predicted[0] / n), rel=0.06)
    assert math.sqrt(relative.mean()) == pytest.approx(math.sqrt(predicted[1] / n), rel=0.06)


def test_kl_sampling_has_the_least_error_of_all_probabilities():
    Q, pairs, rng = coordinates(), np.triu_indices(K, 1), np.random.default_rng(8)
    best = sampling.probabilities(Q, GROUPS, method="kl")
    least, *_ = sampling.expected_squared_errors(Q, GROUPS, pairs, best)
    others = [sampling.probabilities(Q, GROUPS, method=m) for m in ("uniform", "ls")]
    for _ in range(20):
        other = best * rng.lognormal(0, 0.1, len(best))
        others.append(other / other.sum())
    for other in others:
        assert sampling.expected_squared_errors(Q, GROUPS, pairs, other)[0] > least


def test_a_group_that_is_never_drawn_though_it_tells_models_apart_has_no_bounded_error():
    Q = coordinates()
    probability = np.full(N, 1 / (N - 1))
    probability[3] = 0
    found = sampling.expected_squared_errors(Q, SINGLE, np.triu_indices(K, 1), probability)
    assert math.isinf(found[0])
