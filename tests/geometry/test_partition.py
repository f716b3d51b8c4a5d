import numpy as np
import pytest

from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.partition import columns, explained, share

N = 300


def ask(x, values, lineage=None, families=None, n_permutations=199):
    alone = np.arange(len(x))
    return share(
        squared_distances(x),
        values,
        alone if lineage is None else lineage,
        alone if families is None else families,
        n_permutations=n_permutations,
        random_state=0,
    )


def test_share_is_that_of_the_sums_of_squares():
    """For coordinates, dbRDA is the multivariate analysis of variance."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(12, N)), np.repeat(["a", "b", "c"], [5, 4, 3])
    means = np.array([x[labels == label].mean(axis=0) for label in labels])
    total = ((x - x.mean(axis=0)) ** 2).sum()
    expected = ((means - x.mean(axis=0)) ** 2).sum() / total
    found = ask(x, labels)
    assert found.r2 == pytest.approx(expected)
    assert found.r2_adjusted == pytest.approx(1 - (1 - expected) * 11 / 9)
    assert found.n_levels == 3


def test_a_number_is_a_regression():
    rng = np.random.default_rng(1)
    dates, direction = rng.uniform(2023, 2026, 30), rng.normal(size=N)
    x = np.outer(dates - 2024, direction)
    found = ask(x, dates)
    assert (found.r2, found.n_levels) == (pytest.approx(1), 0)
    assert found.p == pytest.approx(1 / 200)


@pytest.mark.parametrize("planted", [0.2, 0.6])
def test_a_planted_share_is_recovered(planted):
    rng = np.random.default_rng(2)
    labels = np.arange(120) % 4
    factor = rng.normal(size=(4, 4000))
    factor = (factor - factor.mean(axis=0))[labels] / np.sqrt(0.75)
    x = np.sqrt(planted) * factor + np.sqrt(1 - planted) * rng.normal(size=(120, 4000))
    found = ask(x, labels.astype(str))
    assert found.r2_adjusted == pytest.approx(planted, abs=0.02)
    assert found.p == pytest.approx(1 / 200)


def test_noise_has_no_adjusted_share_and_p_at_its_level():
    rng = np.random.default_rng(3)
    found = [ask(rng.normal(size=(20, 5)), np.repeat(list("abcd"), 5)) for _ in range(200)]
    assert np.mean([f.r2_adjusted for f in found]) == pytest.approx(0, abs=0.01)
    assert np.mean([f.r2 for f in found]) > 0.1
    assert np.mean([f.p <= 0.1 for f in found]) == pytest.approx(0.1, abs=0.065)


def family_data(rng, sizes, n_dimensions=5):
    families = np.repeat(np.arange(len(sizes)), sizes)
    x = 3 * rng.normal(size=(len(sizes), n_dimensions))[families]
    return x + rng.normal(size=(len(families), n_dimensions)), families


def test_families_are_not_independent_models():
    """A property given to families at random is found at the level only, though R² is high."""
    rng = np.random.default_rng(4)
    p, free = [], []
    for _ in range(200):
        x, families = family_data(rng, [2, 3, 4, 5, 3, 4, 2, 5])
        labels = rng.permutation(np.repeat(["a", "b"], 4))[families]
        p.append(ask(x, labels, families=families, n_permutations=99).p)
        free.append(ask(x, labels, n_permutations=99).p)
    assert np.mean(np.array(p) <= 0.1) < 0.1 + 3 * np.sqrt(0.09 / 200)
    assert np.mean(np.array(free) <= 0.1) > 0.5


def test_what_only_names_families_cannot_be_told_from_them():
    x, families = family_data(np.random.default_rng(5), [4, 4, 4])
    found = ask(x, families.astype(str), families=families)
    assert found.r2 > 0.5
    assert found.p == 1


def test_a_recipe_is_tested_within_lineages():
    """A small effect of recipes stands out though lineages lie far apart, and is none elsewhere."""
    rng = np.random.default_rng(6)
    x, lineage = family_data(rng, [3] * 8, 200)
    recipes = np.tile(["base", "mpo", "sft"], 8)
    noise = ask(x, recipes, lineage, lineage)
    x[recipes == "sft"] += 0.5 * rng.normal(size=200)
    found = ask(x, recipes, lineage, lineage)
    assert (noise.permuted, found.permuted) == ("models within lineages",) * 2
    assert noise.p > 0.05 > found.p
    assert found.r2 < 0.1


def test_recipes_within_lineages_hold_the_level():
    rng = np.random.default_rng(7)
    p = []
    for _ in range(200):
        x, lineage = family_data(rng, [2, 3, 4, 3, 3])
        recipes = np.concatenate([rng.permutation(list("abcd"))[:n] for n in (2, 3, 4, 3, 3)])
        p.append(ask(x, recipes, lineage, lineage, n_permutations=99).p)
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.065)


def test_the_order_of_models_changes_no_share():
    rng = np.random.default_rng(8)
    x, lineage = family_data(rng, [3] * 5)
    labels, order = rng.choice(list("abc"), 15), rng.permutation(15)
    straight, mixed = ask(x, labels, lineage), ask(x[order], labels[order], lineage[order])
    assert mixed[1:3] == pytest.approx(straight[1:3])
    assert mixed.p == pytest.approx(straight.p, abs=0.15)


def test_a_lineage_across_families_counts_with_one():
    x, lineage = family_data(np.random.default_rng(9), [2, 2, 2])
    families = [0, 1, 1, 1, 2, 2]
    found = ask(x, np.repeat(list("aab"), 2), lineage, families)
    assert 0 < found.p <= 1


@pytest.mark.parametrize(
    ("values", "n_levels"),
    [(["a"] * 4, 1), (list("abcd"), 4), ([2024.0] * 4, 0)],
    ids=["one level", "a level each", "one date"],
)
def test_what_cannot_be_partitioned_is_unknown(values, n_levels):
    found = ask(np.random.default_rng(10).normal(size=(4, N)), values)
    assert found.n_levels == n_levels
    assert np.isnan(found[1:4]).all()


def test_equal_models_are_unknown():
    assert np.isnan(ask(np.ones((4, N)), list("aabb")).r2)


def test_columns_of_labels_and_numbers():
    assert columns(["b", "a", "b"]).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert columns([2.5, 1.0]).tolist() == [[2.5], [1.0]]
    x = np.random.default_rng(11).normal(size=(9, N))
    both = np.hstack([columns(list("aabbbccca")), columns([*range(9)])])
    d2 = squared_distances(x)
    assert explained(d2, both) > explained(d2, both[:, :3])
    assert explained(d2, np.hstack([both, both])) == pytest.approx(explained(d2, both))
