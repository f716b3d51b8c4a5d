import numpy as np
import pytest

from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.suspects import closeness, undeclared


def models(n, seed=0, n_dimensions=10, n_samples=200):
    """Independent models in a few dimensions."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_dimensions)) @ rng.normal(size=(n_dimensions, n_samples))


def ask(L, lineage=None, families=None):
    alone = np.arange(len(L))
    lineage = alone if lineage is None else lineage
    families = alone if families is None else families
    return undeclared(squared_distances(double_center(L)), lineage, families)


def flagged(found, level=0.05):
    return {
        tuple(sorted(map(int, pair)))
        for pair, p in zip(found.pairs, found.p, strict=True)
        if p <= level
    }


def copy(L, i, j, share=0.1, seed=9):
    """Let model j be model i, a little changed."""
    L = L.copy()
    L[j] = L[i] + share * L.std() * np.random.default_rng(seed + j).normal(size=L.shape[1])
    return L


def test_planted_copies_are_found_and_nothing_else():
    L = copy(copy(copy(models(24), 3, 17), 5, 11), 0, 23)
    found = ask(L)
    assert flagged(found) == {(3, 17), (5, 11), (0, 23)}
    assert (found.closer[found.p <= 0.05] > 10).all()


def test_a_copy_of_one_model_of_a_declared_lineage_is_found():
    L = models(24)
    for child in (1, 2, 3):
        L = copy(L, 0, child, 0.3)
    L = copy(L, 2, 20)
    lineage = np.maximum(np.arange(24) - 3, 0)
    assert flagged(ask(L, lineage)) == {(2, 20)}


def test_declared_copies_are_no_suspects():
    L = copy(models(24), 3, 17)
    lineage = np.arange(24)
    lineage[17] = 3
    assert not flagged(ask(L, lineage))


@pytest.mark.parametrize("n_dimensions", [3, 20])
def test_independent_models_are_suspected_at_most_at_the_level(n_dimensions):
    hits = [bool(flagged(ask(models(15, seed, n_dimensions)))) for seed in range(300)]
    assert np.mean(hits) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


def test_families_of_two_are_no_suspects():
    """Some families have many members, some but two: those have no third to compare with."""
    families = np.repeat(np.arange(8), [6, 5, 4, 4, 3, 2, 2, 2])
    known, unknown = 0, 0
    for seed in range(50):
        L = 10 * models(8, seed)[families] + models(28, 1000 + seed)
        known += bool(flagged(ask(L, families=families)))
        unknown += bool(flagged(ask(L)))
    assert known <= 3
    assert unknown > 25


def test_the_order_of_models_changes_nothing():
    L, order = copy(models(12), 2, 7), np.random.default_rng(1).permutation(12)
    straight, mixed = ask(L), ask(L[order])
    back = {tuple(sorted(order[list(pair)].tolist())) for pair in mixed.pairs}
    assert back == {tuple(sorted(pair)) for pair in straight.pairs.tolist()}
    np.testing.assert_allclose(sorted(mixed.p), sorted(straight.p))
    np.testing.assert_allclose(sorted(mixed.closer), sorted(straight.closer))


def test_equal_models_are_sure():
    L = models(12)
    L[4] = L[9]
    found = ask(L)
    assert found.closer.max() == np.inf
    assert flagged(found, 1e-12) == {(4, 9)}


@pytest.mark.parametrize("n", [0, 1, 2])
def test_two_lineages_have_nothing_to_compare_with(n):
    found = ask(models(n)) if n else undeclared(np.empty((0, 0)), [], [])
    assert found.pairs.shape == (0, 2)


def test_closeness_of_declared_pairs():
    x = np.array([0.0, 1, 3, 10])
    d2, lineage = (x[:, None] - x) ** 2, np.array([0, 0, 1, 2])
    np.testing.assert_allclose(closeness(d2, lineage, [(0, 1)]), [4])
    assert np.isnan(closeness(d2[:2, :2], lineage[:2], [(0, 1)])).all()
    assert closeness(d2, lineage, []).size == 0
