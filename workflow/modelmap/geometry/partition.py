"""How much of d² goes with what is known about the models: distance-based redundancy analysis.

McArdle & Anderson 2001, doi 10.1890/0012-9658(2001)082[0290:FMMTCD]2.0.CO;2: with G = −½ J d² J
(J centers) and H the projection on a factor's columns, the factor's share is tr(HG)/tr(G).
"""

from typing import NamedTuple

import numpy as np

_CELLS = 2_000_000  # numbers in one block of permutations


class Share(NamedTuple):
    """What one factor explains of the variance between models."""

    n_levels: int  # 0: a number
    r2: float
    r2_adjusted: float
    p: float
    permuted: str  # what p exchanges


def columns(values):
    """A factor as columns: of labels one per level, of numbers the numbers.

    Parameters
    ----------
    values : sequence of str or of float, of length n_models

    Returns
    -------
    array of shape (n_models, n_columns)
    """
    values = np.asarray(values)
    if values.dtype.kind in "fiu":
        return values[:, None].astype(float)
    return (values[:, None] == np.unique(values)).astype(float)


def share(d2, values, lineage, families, *, n_permutations, random_state):
    """Share of d² that goes with one factor, with a permutation test.

    Adjusted after Ezekiel: 1 − (1 − R²)(n − 1)/(n − rank − 1), about zero for a random factor of
    independent models. Models are not independent, and p heeds that:

    - A factor that varies within lineages is tested there: given the lineage, with its values
      permuted among the models of each.
    - Another is split into its family means and what is left: means are exchanged between
      families, the rest between the lineages of a family. A factor that merely tells families
      apart cannot be told from them, and has p = 1.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
        Squared distances, nats².
    values : sequence of str or of float, of length n_models
        Labels or numbers, none missing.
    lineage, families : sequences of length n_models
        Labels.
    n_permutations : int
    random_state : int

    Returns
    -------
    Share
        All NaN where the factor does not vary, or leaves no degree of freedom.
    """
    X = columns(values)
    n_levels = 0 if np.asarray(values).dtype.kind in "fiu" else X.shape[1]
    G, X = _gram(d2), X - X.mean(axis=0)
    rank = np.linalg.matrix_rank(X) if X.size else 0
    if not 0 < rank < len(X) - 1 or np.trace(G) <= 0:
        return Share(n_levels, np.nan, np.nan, np.nan, "")
    r2 = explained(d2, X)
    adjusted = 1 - (1 - r2) * (len(X) - 1) / (len(X) - rank - 1)

    lineage = np.unique(np.asarray(lineage), return_inverse=True)[1]
    family = np.unique(np.asarray(families), return_inverse=True)[1]
    within = X - _means(X, lineage)
    if np.abs(within).max() > 1e-12 * np.abs(X).max():
        permuted, tested, draw = "models within lineages", within, _Exchange(within, lineage)
    else:
        permuted, tested = "families, lineages within families", X
        draw = _Blocks(X, _coarsened(family, lineage), lineage)
    observed = _sums(G, tested[None])[0] * (1 - 1e-9)
    rng, above, left = np.random.default_rng(random_state), 0, n_permutations
    while left:
        n = min(left, max(1, _CELLS // X.size))
        above += (_sums(G, draw(n, rng)) >= observed).sum()
        left -= n
    p = (1 + above) / (1 + n_permutations)
    return Share(n_levels, float(r2), float(adjusted), float(p), permuted)


def explained(d2, X):
    """R² of d² by columns.

    Parameters
    ----------
    d2 : array of shape (n_models, n_models)
    X : array of shape (n_models, n_columns)

    Returns
    -------
    float, between 0 and 1
    """
    G = _gram(d2)
    return float(_sums(G, (X - X.mean(axis=0))[None])[0] / np.trace(G))


def _gram(d2):
    centered = d2 - d2.mean(axis=0)
    return -(centered - centered.mean(axis=1, keepdims=True)) / 2


def _sums(G, X):
    """tr(HG) of each of X (n, n_models, n_columns), whatever its rank."""
    rows = np.ascontiguousarray(np.swapaxes(X, 1, 2))
    inverse = np.linalg.pinv(rows @ X, rcond=1e-10, hermitian=True)
    products = (rows.reshape(-1, len(G)) @ G).reshape(rows.shape)  # one product serves all
    return np.einsum("nij,nji->n", inverse, products @ X)


def _means(X, labels):
    """Each row's mean over the rows of its label."""
    sums = np.zeros((labels.max() + 1, X.shape[1]))
    np.add.at(sums, labels, X)
    return (sums / np.bincount(labels)[:, None])[labels]


class _Exchange:
    """Rows exchanged between the units of each block; by itself each row is a unit."""

    def __init__(self, X, blocks, units=None):
        units = np.arange(len(X)) if units is None else units
        first, self.unit = np.unique(units, return_index=True, return_inverse=True)[1:]
        self.rows, blocks = X[first], blocks[first]
        self.blocks = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]

    def __call__(self, n, rng):
        """Draw n times: array of shape (n, n_models, n_columns)."""
        order = np.tile(np.arange(len(self.rows)), (n, 1))
        for members in self.blocks:
            order[:, members] = rng.permuted(order[:, members], axis=1)
        return self.rows[order[:, self.unit]]


class _Blocks:
    """Means of blocks exchanged between blocks, the rest between the units of each block."""

    def __init__(self, X, blocks, units):
        means = _means(X, blocks)
        self.between = _Exchange(means, np.zeros_like(blocks), blocks)
        self.rest = _Exchange(X - means, blocks, units)

    def __call__(self, n, rng):
        """Draw n times: array of shape (n, n_models, n_columns)."""
        X = self.between(n, rng) + self.rest(n, rng)
        return X - X.mean(axis=1, keepdims=True)


def _coarsened(family, lineage):
    """Families such that each lineage is of one: the first, where it is of several."""
    least = np.full(lineage.max() + 1, family.max())
    np.minimum.at(least, lineage, family)
    return np.unique(least[lineage], return_inverse=True)[1]
