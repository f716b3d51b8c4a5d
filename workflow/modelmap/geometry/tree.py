"""Trees of models: neighbor joining on d², how sure each branch is, a root, Newick.

Where models drift apart independently d² is additive along a tree (d is not). A tree over K leaves
has 2K − 2 nodes: the leaves first, then inner nodes in the order in which they were joined, so
that a child's number is below its parent's; the last node joins three.
"""

import re
from typing import NamedTuple

import numpy as np

_CELLS = 2_000_000  # numbers in one block of resamples


class Tree(NamedTuple):
    """A tree; a node's branch is the one to its parent."""

    parent: np.ndarray  # (n_nodes,), int; −1 at the node that stands for the root
    length: np.ndarray  # (n_nodes,), nats², never negative; 0 at the root
    support: np.ndarray  # (n_nodes,), share of resamples with that branch; NaN: leaf, root, unknown
    n_leaves: int
    n_negative: int = 0  # branches whose estimate was negative
    lowest: float = 0.0  # the most negative estimate, nats²


def neighbor_joining(d2):
    """Join nearest neighbors into an unrooted tree (Saitou & Nei 1987; Studier & Keppler 1988).

    A negative estimate of a branch is set to zero and its amount taken off the branch beside it, so
    that the distance between the two joined stays (Kuhner & Felsenstein 1994); among the last
    three it is set to zero. How many there were is told: distances that are no tree's make many.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, nats²; at least 3 models.

    Returns
    -------
    Tree
        Without support.

    Raises
    ------
    ValueError
        With fewer than 3 models, which have no tree to choose.
    """
    d2 = np.asarray(d2, dtype=float)
    if len(d2) < 3:
        raise ValueError(f"d2 has {len(d2)} models, expected at least 3")
    parent, length = (part[0] for part in _join(d2[None]))
    pairs = np.maximum(length, 0)
    children = [np.flatnonzero(parent == node) for node in range(len(d2), len(parent))]
    for a, b in children[:-1]:
        whole = max(length[a] + length[b], 0)
        pairs[a], pairs[b] = np.clip([length[a], length[b]], 0, whole)
    return Tree(
        parent,
        pairs,
        np.full(len(parent), np.nan),
        len(d2),
        int((length < 0).sum()),
        float(min(length.min(), 0)),
    )


def with_support(tree, Q, groups, *, n_bootstrap, random_state, weights=None):
    """Say in which share of resampled trees each inner branch stands (Felsenstein 1985).

    Each resample draws as many groups as there are, with replacement, the same for all models. A
    branch is the split of the models that it makes.

    Parameters
    ----------
    tree : Tree from `neighbor_joining`
    Q : array of shape (n_models, n_samples)
        Centered log-likelihoods, nats.
    groups : array of shape (n_samples,)
        Label of each sample's group; all different where samples are independent.
    n_bootstrap : int
    random_state : int
    weights : array of shape (n_samples,), or None
        Those of `centering.double_center`: rows of a resample are centered with them.

    Returns
    -------
    Tree
    """
    Q = np.asarray(Q, dtype=float)
    rng = np.random.default_rng(random_state)
    keys = rng.integers(2**64, size=len(Q), dtype=np.uint64)
    inner = slice(len(Q), -1)
    splits = _splits(tree.parent[None], keys)[0]
    order = np.argsort(splits)
    counts = np.zeros(len(splits))
    constant = np.ones(Q.shape[1]) if weights is None else weights
    for d2 in _resampled(Q, groups, constant, n_bootstrap, rng):
        found = _splits(_join(d2)[0], keys).ravel()
        place = np.searchsorted(splits[order], found).clip(max=max(len(splits) - 1, 0))
        hits = order[place[splits[order][place] == found]]
        counts += np.bincount(hits, minlength=len(splits))
    support = tree.support.copy()
    support[inner] = counts / n_bootstrap
    return tree._replace(support=support)


def midpoint_rooted(tree):
    """Root a tree halfway between its two leaves farthest apart.

    A convention, not a claim about ancestors.

    Parameters
    ----------
    tree : Tree from `neighbor_joining`

    Returns
    -------
    Tree
        With one node more, the last, as root of two; numbers of nodes stay, but a parent's may now
        be below its child's.
    """
    parent, length, support = (part.copy() for part in tree[:3])
    height, apex, diameter = np.zeros(len(parent)), len(parent) - 1, 0.0
    for node, above in enumerate(parent[:-1]):
        reach = height[node] + length[node]
        if height[above] + reach > diameter:
            apex, diameter = above, height[above] + reach
        height[above] = max(height[above], reach)
    node = _tallest(apex, parent, height + length)
    while height[node] > diameter / 2:
        node = _tallest(node, parent, height + length)

    root, above = len(parent), parent[node]
    below = min(diameter / 2 - height[node], length[node])
    branch = length[node] - below, support[node]
    parent, length, support = (
        np.append(part, last)
        for part, last in zip((parent, length, support), (-1, 0, np.nan), strict=True)
    )
    parent[node], length[node] = root, below
    child, node = root, above
    while node >= 0:  # branches from here to the old root turn around
        above, after = parent[node], (length[node], support[node])
        parent[node], (length[node], support[node]) = child, branch
        child, branch, node = node, after, above
    return tree._replace(parent=parent, length=length, support=support)


def newick(tree, labels):
    """Write a tree as Newick, inner nodes labeled with their support in percent.

    Labels with anything but letters, digits, points and hyphens stand in single quotes, quotes
    in them doubled: bare underscores would be read as blanks.

    Parameters
    ----------
    tree : Tree from `neighbor_joining`
    labels : sequence of str, of the leaves

    Returns
    -------
    str, one line without its end
    """
    texts = [[] for _ in tree.parent]
    for node, above in enumerate(tree.parent):
        if node < tree.n_leaves:
            text = _quoted(labels[node])
        else:
            support = tree.support[node]
            text = f"({','.join(texts[node])})"
            text += "" if np.isnan(support) else f"{100 * support:.0f}"
        if above < 0:
            return f"{text};"
        texts[above].append(f"{text}:{tree.length[node]:.10g}")
    raise ValueError("tree has no root, expected a parent of −1 at its last node")


def _join(d2):
    """Parents and lengths, (n_trees, n_nodes) each, of the trees of d2 (n_trees, K, K), K > 2."""
    D = np.array(d2, dtype=float)
    n_trees, n_leaves, _ = D.shape
    parent = np.full((n_trees, 2 * n_leaves - 2), -1)
    length = np.zeros(parent.shape)
    nodes = np.tile(np.arange(n_leaves), (n_trees, 1))  # of each row still to be joined
    t = np.arange(n_trees)
    space = np.empty(D.size)
    for n in range(n_leaves, 3, -1):
        joined = 2 * n_leaves - n
        sums = D[:, :n, :n].sum(axis=2)
        score = np.multiply(D[:, :n, :n], n - 2, out=space[: n_trees * n * n].reshape(-1, n, n))
        score -= sums[:, :, None]
        score -= sums[:, None]
        score[:, np.arange(n), np.arange(n)] = np.inf
        pair = np.divmod(score.reshape(n_trees, -1).argmin(axis=1), n)
        i, j = np.minimum(*pair), np.maximum(*pair)
        apart = D[t, i, j]
        to_i = (apart + (sums[t, i] - sums[t, j]) / (n - 2)) / 2
        for row, branch in ((i, to_i), (j, apart - to_i)):
            parent[t, nodes[t, row]], length[t, nodes[t, row]] = joined, branch
        new = (D[t, i, :n] + D[t, j, :n] - apart[:, None]) / 2
        D[t, i, :n] = D[t, :n, i] = new
        D[t, j, :n] = D[t, n - 1, :n]  # the last row takes the place of j
        D[t, :n, j] = D[t, :n, n - 1]
        D[t, i, i] = D[t, j, j] = 0
        nodes[t, i], nodes[t, j] = joined, nodes[t, n - 1]
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        parent[t, nodes[:, a]] = parent.shape[1] - 1
        length[t, nodes[:, a]] = (D[:, a, b] + D[:, a, c] - D[:, b, c]) / 2
    return parent, length


def _splits(parent, keys):
    """A number for the split at each inner branch, (n_trees, K − 3); equal splits, equal numbers.

    The sum of the leaves' random keys modulo 2^64, on the side where it is smaller: two splits of
    a thousand models meet with a probability below 1e-12.
    """
    t = np.arange(len(parent))
    sums = np.zeros(parent.shape, dtype=np.uint64)
    sums[:, : len(keys)] = keys
    for node in range(parent.shape[1] - 1):
        sums[t, parent[:, node]] += sums[:, node]
    inner = sums[:, len(keys) : -1]
    return np.minimum(inner, keys.sum(dtype=np.uint64) - inner)


def _resampled(Q, groups, constant, n_bootstrap, rng):
    """Yield squared distances (n, n_models, n_models) of all resamples, some at a time."""
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    share = np.full(len(labels), 1 / len(labels))
    block = max(1, _CELLS // (len(Q) * max(Q.shape)))
    for start in range(0, n_bootstrap, block):
        draws = rng.multinomial(len(labels), share, size=min(block, n_bootstrap - start))
        weights = draws[:, codes] / draws[:, codes].sum(axis=1, keepdims=True)
        means = (weights * constant) @ Q.T
        means /= np.sqrt(weights @ constant**2)[:, None]
        weighted = (Q * weights[:, None]).reshape(-1, Q.shape[1])
        products = (weighted @ Q.T).reshape(-1, len(Q), len(Q))
        products -= means[:, :, None] * means[:, None]
        power = np.diagonal(products, axis1=1, axis2=2)
        yield np.maximum(power[:, :, None] + power[:, None] - 2 * products, 0)


def _tallest(node, parent, reach):
    children = np.flatnonzero(parent == node)
    return children[reach[children].argmax()]


def _quoted(label):
    if re.fullmatch(r"[A-Za-z0-9.-]+", label):
        return label
    return "'" + label.replace("'", "''") + "'"
