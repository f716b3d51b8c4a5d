"""Permutations over families and lineages."""

import numpy as np

from modelmap.geometry.permutation import nested, permute

FAMILY = np.array(list("bbbbbaaacc"))
LINEAGE = np.array([0, 0, 1, 1, 2, 3, 3, 4, 5, 6])


def test_lineages_are_counted_within_families():
    family, lineage = nested(["x", "y", "x"], ["same", "same", "other"])
    assert family.tolist() == [0, 1, 0]
    assert len(set(lineage)) == 3


def test_parts_are_exchanged_among_their_own():
    rng = np.random.default_rng(0)
    Y = rng.normal(size=(10, 2))
    levels = nested(FAMILY, LINEAGE)
    permuted = permute(Y, levels, 50, rng)
    assert permuted.shape == (50, 10, 2)
    parts, left = [], Y
    for codes in levels:
        means = np.array([left[codes == code].mean(axis=0) for code in range(codes.max() + 1)])
        parts.append(means)
        left = left - means[codes]
    for one in permuted[:5]:
        sums = {round(f + k + m, 9) for f in parts[0][:, 0] for k in parts[1][:, 0]
                for m in left[:, 0]}  # fmt: skip
        assert {round(v, 9) for v in one[:, 0]} <= sums


def test_what_families_share_stays_theirs():
    Y = np.array([0.0, 5, 9])[nested(FAMILY, LINEAGE)[0]][:, None]
    permuted = permute(Y, nested(FAMILY, LINEAGE), 200, np.random.default_rng(1))[:, :, 0]
    for family in "abc":
        assert (np.ptp(permuted[:, family == FAMILY], axis=1) < 1e-12).all()
    orders = {tuple(row.round().astype(int)) for row in permuted[:, [0, 5, 8]]}
    assert len(orders) == 6


def test_columns_are_permuted_alike():
    Y = np.random.default_rng(2).normal(size=(10, 1))
    permuted = permute(np.hstack([Y, 2 * Y]), nested(FAMILY, LINEAGE), 9, np.random.default_rng(3))
    np.testing.assert_allclose(permuted[:, :, 1], 2 * permuted[:, :, 0])


def test_of_models_alone_it_is_the_ordinary_permutation():
    y = np.arange(6.0)
    alone = nested(np.arange(6), np.arange(6))
    for row in permute(y[:, None], alone, 20, np.random.default_rng(4))[:, :, 0]:
        np.testing.assert_allclose(np.sort(row), y)
