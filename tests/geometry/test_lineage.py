import numpy as np
import pytest

from modelmap.geometry.lineage import common_direction, cosines, plane, shifts, without

N = 400


def test_shifts_lead_from_parents_to_children():
    Q = np.arange(12.0).reshape(4, 3) ** 2
    children, moved = shifts(Q, [[], [0], [0, 1], []])
    assert children.tolist() == [1, 2]
    np.testing.assert_allclose(moved, [Q[1] - Q[0], Q[2] - (Q[0] + Q[1]) / 2])


def test_no_shifts():
    children, moved = shifts(np.ones((2, 5)), [[], []])
    assert (children.shape, moved.shape) == ((0,), (0, 5))
    assert common_direction(cosines(moved, []), [], [], n_permutations=5, random_state=0) == {}
    assert plane(moved)[0].shape == (0, 2)


def test_difficulty_is_projected_off_and_its_share_told():
    rng = np.random.default_rng(0)
    difficulty, other = rng.normal(size=(2, N))
    other -= np.polyval(np.polyfit(difficulty, other, 1), difficulty)
    x = np.stack([3 * difficulty + 5, 3 * difficulty + 4 * other])
    projected, share = without(x, difficulty - 40)
    np.testing.assert_allclose(projected[0], 0, atol=1e-9)
    np.testing.assert_allclose(projected[1], 4 * other, atol=1e-9)
    expected = 9 * difficulty.var() / (9 * difficulty.var() + 16 * other.var())
    np.testing.assert_allclose(share, [1, expected])


def test_noise_is_taken_off_the_lengths():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=20_000)
    x = shared + 2 * rng.normal(size=(2, 20_000))
    assert cosines(x, [0, 0])[0, 1] == pytest.approx(1 / 5, abs=0.03)
    assert cosines(x, [4, 4])[0, 1] == pytest.approx(1, abs=0.1)
    assert np.isnan(cosines(x, [4, 9])[1]).all()


def test_shifts_within_noise_are_left_out():
    x = np.random.default_rng(2).normal(size=(4, N))
    cosine = cosines(x, [0, 0, 0, 2])
    found = common_direction(cosine, ["a"] * 4, np.arange(4), n_permutations=10, random_state=0)
    assert found["a"].n_shifts == 3
    assert found["a"].cosine == pytest.approx(cosine[:3, :3][np.triu_indices(3, 1)].mean())


def ask(x, recipes, lineage, n_permutations=300):
    found = cosines(x, np.zeros(len(x)))
    return common_direction(found, recipes, lineage, n_permutations=n_permutations, random_state=0)


def design(n_lineages=6):
    """Each lineage has three shifts, one of each recipe."""
    recipes = np.tile(["merge", "mpo", "sft"], n_lineages)
    return recipes, np.repeat(np.arange(n_lineages), 3)


def test_a_recipe_whose_shifts_are_all_left_out_is_still_told():
    """A child that is its parent, or within its noise, has a recipe, but no direction."""
    x = np.random.default_rng(0).normal(size=(3, N)) * [[0], [1], [1]]
    cosine = cosines(x, np.zeros(3))
    found = common_direction(cosine, ["a", "b", "b"], [0, 1, 2], n_permutations=9, random_state=0)
    assert list(found) == ["a", "b"]
    assert (found["a"].n_shifts, found["a"].n_lineages) == (0, 0)
    assert np.isnan(found["a"].cosine)
    assert found["b"].n_shifts == 2


def test_a_planted_direction_is_found_and_is_its_recipes_own():
    rng = np.random.default_rng(3)
    recipes, lineage = design()
    x = rng.normal(size=(18, N))
    x[recipes == "sft"] += rng.normal(size=N)
    found = ask(x, recipes, lineage)
    assert found["sft"].cosine == pytest.approx(0.5, abs=0.1)
    assert found["sft"].p < 0.01
    assert found["mpo"].p > 0.05
    assert found["merge"].p > 0.05
    assert (found["sft"].n_shifts, found["sft"].n_lineages) == (6, 6)


def test_a_direction_of_all_recipes_is_no_recipes_own():
    """Large against 1/√N, and yet not the recipe's."""
    rng = np.random.default_rng(4)
    recipes, lineage = design()
    x = rng.normal(size=(18, N)) + 0.7 * rng.normal(size=N)
    found = ask(x, recipes, lineage)["sft"]
    assert found.cosine > 4 / np.sqrt(N)
    assert found.null_cosine == pytest.approx(found.cosine, abs=0.1)
    assert found.p > 0.05
    assert found.p_sign <= 2 / 2**6 + 0.03


def correlated(rng, recipes, lineage):
    """Shifts in few effective dimensions, some shared by a lineage, no recipe with a direction."""
    mixing = rng.normal(size=(8, N))
    own = rng.normal(size=(lineage.max() + 1, 8))[lineage]
    return (own + rng.normal(size=(len(lineage), 8))) @ mixing


@pytest.mark.parametrize("name", ["p", "p_sign"])
def test_no_direction_is_found_at_the_nominal_rate(name):
    rng = np.random.default_rng(5)
    recipes, lineage = design()
    p = np.array(
        [
            getattr(ask(correlated(rng, recipes, lineage), recipes, lineage, 99)["sft"], name)
            for _ in range(400)
        ]
    )
    assert abs(np.mean(p <= 0.1) - 0.1) < 3 * np.sqrt(0.1 * 0.9 / 400)
    assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=0.1)


def test_pairs_of_one_lineage_do_not_count():
    """Two children of one parent share it: that is no direction."""
    rng = np.random.default_rng(6)
    x = np.repeat(rng.normal(size=(3, N)), 2, axis=0)
    found = ask(x, ["sft"] * 6, np.repeat(np.arange(3), 2))["sft"]
    assert abs(found.cosine) < 0.15
    assert np.isnan([found.p, found.null_cosine]).all()
    assert found.p_sign > 0


def test_a_recipe_of_one_lineage_has_no_cosine():
    found = ask(np.random.default_rng(7).normal(size=(3, N)), ["a", "a", "b"], [0, 0, 1])
    assert np.isnan(found["a"][2:]).all()
    assert found["a"][:2] == (2, 1)


def test_the_order_of_shifts_changes_no_cosine():
    rng = np.random.default_rng(8)
    recipes, lineage = design()
    x, order = rng.normal(size=(18, N)) + rng.normal(size=N), rng.permutation(18)
    straight = ask(x, recipes, lineage)
    mixed = ask(x[order], recipes[order], lineage[order])
    assert straight.keys() == mixed.keys()
    for recipe, found in straight.items():
        assert mixed[recipe].cosine == pytest.approx(found.cosine)
        assert mixed[recipe].p == pytest.approx(found.p, abs=0.1)


def test_the_plane_shows_lengths_in_nats():
    x = np.zeros((3, 4))
    x[0, 0], x[1, 0], x[2, 1] = 4, 2, 2
    coordinates, share = plane(x)
    np.testing.assert_allclose(np.abs(coordinates), [[2, 0], [1, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(share, [20 / 24, 4 / 24])
    one, share = plane(x[:1])
    np.testing.assert_allclose(one, [[2, 0]])
    np.testing.assert_allclose(share, [1, 0])


def test_of_weighted_shifts_difficulty_is_taken_off_as_if_samples_were_repeated():
    rng = np.random.default_rng(30)
    x, difficulty, counts = rng.normal(size=(4, 25)), rng.normal(size=25), rng.integers(1, 4, 25)
    weights = np.sqrt(counts)
    some, share = without(x * weights, difficulty, weights)
    repeated = (np.repeat(part, counts, axis=-1) for part in (x, difficulty))
    every, all_shares = without(*repeated)
    np.testing.assert_allclose(share, all_shares)
    np.testing.assert_allclose(some @ some.T, every @ every.T)
