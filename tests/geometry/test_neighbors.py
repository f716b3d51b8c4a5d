import numpy as np
import pytest

from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import squared_distance_intervals, squared_distances
from modelmap.geometry.neighbors import (
    candidates,
    lineages,
    nearest,
    nearest_probability,
    same_family_accuracy,
)


def probability(L, groups, n_bootstrap=100):
    """Of all pairs, as an array of shape (n_models, n_models)."""
    i, j = np.nonzero(~np.eye(len(L), dtype=bool))
    p = np.zeros((len(L), len(L)))
    p[i, j] = nearest_probability(
        double_center(L), groups, i, j, n_bootstrap=n_bootstrap, random_state=0
    )
    return p


def test_planted_neighbor_is_certain():
    rng = np.random.default_rng(0)
    L = rng.normal(size=(6, 200))
    L[4] = L[1] + 0.1 * rng.normal(size=200)
    p = probability(L, np.arange(200))
    assert p[1, 4] == p[4, 1] == 1
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert not np.diag(p).any()


def test_equally_far_models_share_the_probability():
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=(2, 400))
    sign = np.tile([1, -1], 200)
    p = probability(np.stack([x, x + noise, x + sign * np.roll(noise, 1)]), np.arange(400), 400)
    assert 0.3 < p[0, 1] < 0.7


def test_groups_make_less_certain():
    rng = np.random.default_rng(2)
    few = rng.normal(size=(3, 10))
    L = np.repeat(few, 50, axis=1)
    single = probability(L, np.arange(500), 200).max(axis=1)
    grouped = probability(L, np.repeat(np.arange(10), 50), 200).max(axis=1)
    assert (grouped <= single).all()
    assert (grouped < single).any()


def test_resample_distances_are_variances_of_the_differences():
    """A direct bootstrap with the same draws, variance by variance."""
    rng = np.random.default_rng(3)
    L, groups = rng.normal(size=(5, 12)) + 3 * rng.normal(size=(5, 1)), np.arange(12) // 2
    draws = np.random.default_rng(0)
    expected = np.zeros((5, 5))
    for _ in range(50):
        drawn = np.repeat(np.arange(12), draws.multinomial(6, np.full(6, 1 / 6))[groups])
        d2 = np.array([[np.var((a - b)[drawn]) for b in L] for a in L])
        np.fill_diagonal(d2, np.inf)
        expected[np.arange(5), d2.argmin(axis=1)] += 1 / 50
    np.testing.assert_allclose(probability(L, groups, 50), expected)


def test_probability_follows_the_order_of_models():
    L, order = np.random.default_rng(4).normal(size=(6, 30)), np.array([3, 1, 5, 0, 4, 2])
    p = probability(L, np.arange(30))
    np.testing.assert_allclose(probability(L[order], np.arange(30)), p[np.ix_(order, order)])


def test_a_single_model_has_no_neighbor():
    assert probability(np.ones((1, 5)), np.arange(5)).tolist() == [[0]]
    assert nearest(np.zeros((1, 1)), 0).shape == (1, 0)
    none = np.zeros((1, 0))
    assert candidates(none, none, level=0.9, n_groups=5).shape == (1, 0)


def test_equal_models_share_the_probability():
    L = np.random.default_rng(8).normal(size=(4, 30))
    L[3] = L[2]
    p = probability(L, np.arange(30))
    np.testing.assert_array_equal(p[:2, 2], p[:2, 3])
    assert p[2, 3] == p[3, 2] == 1


def test_neighbors_come_nearest_first(monkeypatch):
    monkeypatch.setattr("modelmap.geometry.neighbors._ROWS", 7)
    d2 = squared_distances(np.random.default_rng(9).normal(size=(30, 4)))
    d2[4, 5] = d2[4, 6] = 0  # equally near: the first stands first
    every = nearest(d2, 29)
    for i, row in enumerate(every):
        order = np.argsort(d2[i], kind="stable")
        assert row.tolist() == [j for j in order if j != i]
    np.testing.assert_array_equal(nearest(d2, 6), every[:, :6])


@pytest.mark.parametrize("size", [1, 4])
def test_who_is_no_candidate_is_never_nearest(size):
    """Candidates are few, and the probability among them is that among all."""
    rng = np.random.default_rng(10)
    Q, groups = double_center(rng.standard_t(4, size=(60, 400))), np.arange(400) // size
    Q[30:] = double_center(Q[:30] + 0.9 * rng.normal(size=(30, 400)))
    d2 = squared_distances(Q)
    low, _ = squared_distance_intervals(Q, groups, level=0.95)
    near = nearest(d2, 59)
    rows = np.arange(60)[:, None]
    found = candidates(d2[rows, near], low[rows, near], level=0.95, n_groups=400 // size)
    assert found[:, 0].all()
    assert found.sum() < 60 * 30
    i, rank = np.nonzero(found)
    among = np.zeros((60, 60))
    among[i, near[i, rank]] = nearest_probability(
        Q, groups, i, near[i, rank], n_bootstrap=200, random_state=0
    )
    every, (i, j) = np.zeros((60, 60)), np.nonzero(~np.eye(60, dtype=bool))
    every[i, j] = nearest_probability(Q, groups, i, j, n_bootstrap=200, random_state=0)
    np.testing.assert_allclose(among, every, atol=0.006)


def test_lineages_join_parents_children_and_merges():
    #        0   1    2    3   4   5 = merge of 2 and 4   6
    parents = [[], [0], [], [2], [], [2, 4], []]
    assert lineages(parents).tolist() == [0, 0, 1, 1, 1, 1, 2]


def test_models_without_parents_are_their_own_lineages():
    assert lineages([[], [], []]).tolist() == [0, 1, 2]


@pytest.fixture
def planted():
    """Four families of five models, each around a center of its own."""
    rng = np.random.default_rng(5)
    families = np.repeat(["a", "b", "c", "d"], 5)
    L = np.repeat(rng.normal(size=(4, 300)), 5, axis=0) + 0.3 * rng.normal(size=(20, 300))
    return squared_distances(double_center(L)), families


def ask(d2, families, lineage):
    return same_family_accuracy(d2, families, lineage, n_permutations=500, random_state=0)


def test_planted_families_are_found(planted):
    d2, families = planted
    result = ask(d2, families, np.arange(20))
    assert result.accuracy == 1
    assert result.n_models == 20
    assert result.null_mean == pytest.approx(4 / 19, abs=0.03)
    assert result.p == pytest.approx(1 / 501)
    assert (families[result.nearest] == families).all()
    assert (result.nearest != np.arange(20)).all()


def test_own_lineage_is_not_counted(planted):
    d2, families = planted
    lineage = np.arange(20)
    lineage[:5] = 0  # family a is one lineage: no one of its family to find
    result = ask(d2, families, lineage)
    assert result.n_models == 15
    assert (result.nearest[:5] == -1).all()

    lineage[:5] = [0, 0, 1, 1, 1]
    nearest = ask(d2, families, lineage).nearest
    assert set(nearest[:2]) <= {2, 3, 4}
    assert set(nearest[2:5]) <= {0, 1}


def test_random_families_are_not_found():
    rng = np.random.default_rng(6)
    families, lineage = np.repeat(np.arange(4), 6), np.arange(24) // 2
    p = [
        ask(squared_distances(rng.normal(size=(24, 40))), rng.permutation(families), lineage).p
        for _ in range(30)
    ]
    assert min(p) > 0.002
    assert 0.3 < np.mean(p) < 0.8


def test_null_moves_whole_lineages():
    """Two lineages a family, all four clusters apart: lineages, not models, are the evidence."""
    rng = np.random.default_rng(7)
    centers = rng.normal(size=(4, 100))
    d2 = squared_distances(np.repeat(centers, 10, axis=0) + 0.1 * rng.normal(size=(40, 100)))
    families, lineage = np.repeat(["a", "b"], 20), np.repeat(np.arange(4), 10)
    assert ask(d2, families, lineage).p > 0.1


def test_accuracy_follows_the_order_of_models(planted):
    d2, families = planted
    families = np.roll(families, 2)
    lineage = np.arange(20) // 2
    order = np.random.default_rng(8).permutation(20)
    straight = ask(d2, families, lineage)
    mixed = ask(d2[np.ix_(order, order)], families[order], lineage[order])
    assert mixed.accuracy == straight.accuracy
    assert 0 < straight.accuracy < 1
    assert [order[j] if j >= 0 else -1 for j in mixed.nearest] == straight.nearest[order].tolist()


def test_nobody_to_ask_is_unknown():
    result = ask(np.ones((3, 3)), ["a", "b", "c"], [0, 1, 2])
    assert result.n_models == 0
    assert np.isnan([result.accuracy, result.null_mean, result.p]).all()
    assert result.nearest.tolist() == [-1, -1, -1]


def test_a_weight_is_as_good_as_samples_that_are_there_several_times():
    rng = np.random.default_rng(11)
    L, counts, groups = rng.normal(size=(7, 60)), rng.integers(1, 5, 60), np.arange(60) // 2
    i, j = np.nonzero(~np.eye(7, dtype=bool))
    how, weights = {"n_bootstrap": 60, "random_state": 0}, np.sqrt(counts)
    repeated = double_center(np.repeat(L, counts, axis=1))
    every = nearest_probability(repeated, np.repeat(groups, counts), i, j, **how)
    Q = double_center(L, weights=weights)
    np.testing.assert_array_equal(
        nearest_probability(Q, groups, i, j, **how, weights=weights), every
    )
    assert not np.array_equal(nearest_probability(Q, groups, i, j, **how), every)
