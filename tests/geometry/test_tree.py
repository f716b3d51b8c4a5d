import re
import time

import numpy as np
import pytest

from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.tree import midpoint_rooted, neighbor_joining, newick, with_support


def planted(n_leaves, seed=0):
    """Branches of a random tree: the leaves on one side of each, to its length."""
    rng = np.random.default_rng(seed)
    sides, branches = [frozenset([i]) for i in range(n_leaves)], {}
    while len(sides) > 3:
        joined = [sides.pop(rng.integers(len(sides))) for _ in range(2)]
        branches |= {side: rng.uniform(0.5, 2) for side in joined}
        sides.append(joined[0] | joined[1])
    return branches | {side: rng.uniform(0.5, 2) for side in sides}


def path_lengths(branches, n_leaves):
    d2 = np.zeros((n_leaves, n_leaves))
    for side, length in branches.items():
        inside = np.isin(np.arange(n_leaves), list(side))
        d2 += length * (inside[:, None] ^ inside)
    return d2


def drifted(branches, n_leaves, n_samples, seed=1):
    """Rows that drift apart independently along the branches."""
    rng = np.random.default_rng(seed)
    L = np.zeros((n_leaves, n_samples))
    for side, length in branches.items():
        L[list(side)] += np.sqrt(length) * rng.normal(size=n_samples)
    return L


def split(side, leaves):
    """A branch, whichever side of it is named."""
    return frozenset([frozenset(side), frozenset(leaves) - frozenset(side)])


def branches_of(tree, names):
    """Splits of a tree by its branches: split to (length, support)."""
    below = [set() for _ in tree.parent]
    for leaf in range(tree.n_leaves):
        node = leaf
        while node >= 0:
            below[node].add(names[leaf])
            node = tree.parent[node]
    return {
        split(below[node], names): (tree.length[node], tree.support[node])
        for node in np.flatnonzero(tree.parent >= 0)
    }


def lengths_of(tree, names):
    return {key: length for key, (length, _) in branches_of(tree, names).items()}


def splits_of(branches, n_leaves):
    return {split(side, range(n_leaves)): length for side, length in branches.items()}


@pytest.mark.parametrize("n_leaves", [3, 4, 5, 12, 40])
def test_an_additive_tree_is_recovered_exactly(n_leaves):
    branches = planted(n_leaves, seed=n_leaves)
    tree = neighbor_joining(path_lengths(branches, n_leaves))
    assert lengths_of(tree, range(n_leaves)) == pytest.approx(splits_of(branches, n_leaves))
    assert (tree.n_negative, tree.lowest) == (0, 0)


def test_the_order_of_models_changes_nothing():
    rng = np.random.default_rng(0)
    Q, order = double_center(rng.normal(size=(15, 60))), rng.permutation(15)
    groups = np.arange(60) // 2
    how = {"n_bootstrap": 50, "random_state": 0}
    straight, mixed = (
        branches_of(with_support(neighbor_joining(squared_distances(rows)), rows, groups, **how), n)
        for rows, n in ((Q, range(15)), (Q[order], order.tolist()))
    )
    assert straight.keys() == mixed.keys()
    for key, found in straight.items():
        assert mixed[key] == pytest.approx(found, nan_ok=True)


def test_negative_branches_are_zero_and_their_neighbors_keep_the_distance():
    """Points on a line: squared distances of which no tree is made."""
    x = np.array([0.0, 1, 2, 10, 11, 12])
    tree = neighbor_joining((x[:, None] - x) ** 2)
    assert tree.n_negative > 0 > tree.lowest
    assert (tree.length >= 0).all()
    pairs = [np.flatnonzero(tree.parent == node) for node in range(6, 9)]
    joined = [pair for pair in pairs if len(pair) == 2 and (pair < 6).all()]
    assert joined
    for i, j in joined:
        assert tree.length[i] + tree.length[j] == pytest.approx((x[i] - x[j]) ** 2)


def test_equal_models_are_joined_at_no_distance():
    tree = neighbor_joining(np.zeros((5, 5)))
    assert not tree.length.any()


@pytest.mark.parametrize("n_models", [0, 1, 2])
def test_too_few_models(n_models):
    with pytest.raises(ValueError, match=f"{n_models} models, expected at least 3"):
        neighbor_joining(np.zeros((n_models, n_models)))


# Support


def supported(L, groups, n_bootstrap=100):
    Q = double_center(L)
    tree = neighbor_joining(squared_distances(Q))
    return with_support(tree, Q, groups, n_bootstrap=n_bootstrap, random_state=0)


def test_a_clean_tree_has_full_support():
    branches = planted(12)
    L = drifted(branches, 12, 20_000)
    tree = supported(L, np.arange(20_000) // 2)
    assert lengths_of(tree, range(12)).keys() == splits_of(branches, 12).keys()
    assert (tree.support[12:-1] == 1).all()
    assert np.isnan(tree.support[[*range(12), -1]]).all()


def test_noise_has_low_support():
    tree = supported(np.random.default_rng(0).normal(size=(20, 300)), np.arange(300))
    assert np.median(tree.support[20:-1]) < 0.5


def test_few_groups_support_less_than_their_samples_would():
    few = drifted(planted(10), 10, 15)
    L = np.repeat(few, 40, axis=1)
    grouped = supported(L, np.repeat(np.arange(15), 40)).support[10:-1]
    single = supported(L, np.arange(600)).support[10:-1]
    assert grouped.mean() < single.mean() - 0.1


def test_support_is_the_share_of_resampled_trees_with_the_split():
    """The same draws, distances and trees one by one."""
    L, groups = drifted(planted(7), 7, 20), np.arange(20) // 2
    tree, draws = supported(L, groups, 30), np.random.default_rng(0)
    draws.integers(2**64, size=7, dtype=np.uint64)  # the leaves' keys
    found = []
    for weights in draws.multinomial(10, np.full(10, 1 / 10), size=30)[:, groups]:
        rows = np.repeat(L, weights, axis=1)
        d2 = np.array([[np.var(a - b) for b in rows] for a in rows])
        found += lengths_of(neighbor_joining(d2), range(7))
    for key, (_, support) in branches_of(tree, range(7)).items():
        if not np.isnan(support):
            assert support == pytest.approx(found.count(key) / 30)


@pytest.mark.slow
def test_a_thousand_models_take_seconds():
    Q = double_center(np.random.default_rng(0).normal(size=(1018, 500)))
    start = time.perf_counter()
    neighbor_joining(squared_distances(Q))
    assert time.perf_counter() - start < 20


# Root


@pytest.mark.parametrize("seed", range(8))
def test_the_midpoint_is_halfway_between_the_farthest_leaves(seed):
    d2 = path_lengths(planted(9, seed), 9)
    tree = neighbor_joining(d2)
    rooted = midpoint_rooted(tree)
    root = len(rooted.parent) - 1
    depths = []
    for leaf in range(9):
        depth, node = 0.0, leaf
        while node != root:
            depth, node = depth + rooted.length[node], rooted.parent[node]
        depths.append(depth)
    a, b = np.unravel_index(d2.argmax(), d2.shape)
    assert [depths[a], depths[b]] == pytest.approx([d2.max() / 2] * 2)
    assert max(depths) == pytest.approx(d2.max() / 2)


def test_rooting_keeps_every_branch_and_its_support():
    tree = supported(drifted(planted(10), 10, 60), np.arange(60))
    rooted = midpoint_rooted(tree)
    assert (rooted.parent == len(rooted.parent) - 1).sum() == 2
    before = branches_of(tree, range(10))
    halves = rooted.length[rooted.parent == len(rooted.parent) - 1]
    after = branches_of(rooted, range(10))
    assert before.keys() == after.keys()
    assert rooted.length.sum() == pytest.approx(tree.length.sum())
    for key, (length, support) in before.items():
        assert after[key][1] == pytest.approx(support, nan_ok=True)
        if after[key][0] not in halves:
            assert after[key][0] == pytest.approx(length)


def test_equal_models_have_a_root():
    assert (midpoint_rooted(neighbor_joining(np.zeros((4, 4)))).parent == 6).sum() == 2


# Newick


def parse(text):
    """Leaves, and (leaves below, label, length) of each inner node with a branch."""
    tokens = re.findall(r"'(?:[^']|'')*'|[(),:;]|[^(),:;']+", text)
    inner, stack, last = [], [[]], None
    for i, token in enumerate(tokens):
        if token == "(":
            stack.append([])
        elif token == ")":
            below = stack.pop()
            stack[-1] += below
            last = below
        elif token == ":":
            inner.append((frozenset(last), float(tokens[i + 1])))
        elif token not in ",;" and tokens[i - 1] not in ("):"):
            name = token[1:-1].replace("''", "'") if token[0] == "'" else token
            assert "_" not in token or token[0] == "'"
            stack[-1].append(name)
            last = [name]
    return stack[0], inner


def test_newick_round_trip():
    names = ["plain-1.5", "under_score", "a 'quoted' one", "(b)", "c,d", "e:f;", "[g]", "日本"]
    tree = supported(drifted(planted(8), 8, 200), np.arange(200))
    text = newick(tree, names)
    leaves, nodes = parse(text)
    assert sorted(leaves) == sorted(names)
    found = {split(below, names): length for below, length in nodes}
    assert found == pytest.approx(lengths_of(tree, names), rel=1e-9)
    labels = [int(label) for label in re.findall(r"\)(\d+)", text)]
    assert sorted(labels) == sorted((100 * tree.support[8:-1]).round().astype(int))


def test_newick_of_a_known_tree():
    d2 = [[0, 3, 7, 8], [3, 0, 8, 9], [7, 8, 0, 3], [8, 9, 3, 0]]
    assert newick(neighbor_joining(d2), ["a", "b", "c", "d_1"]) in (
        "(c:1,'d_1':2,(a:1,b:2):5);",
        "((a:1,b:2):5,c:1,'d_1':2);",
    )


def test_a_weight_is_as_good_as_samples_that_are_there_several_times():
    counts = np.random.default_rng(12).integers(1, 5, 60)
    L, groups, how = drifted(planted(9), 9, 60), np.arange(60) // 2, {"n_bootstrap": 50}
    repeated = double_center(np.repeat(L, counts, axis=1))
    tree = neighbor_joining(squared_distances(repeated))
    every = with_support(tree, repeated, np.repeat(groups, counts), **how, random_state=0)
    weights = np.sqrt(counts)
    Q = double_center(L, weights=weights)
    some = with_support(tree, Q, groups, **how, random_state=0, weights=weights)
    np.testing.assert_array_equal(some.support, every.support)
    assert 0 < np.nanmin(some.support) < 1
