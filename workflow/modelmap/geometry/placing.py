"""Maps that stay: models placed among others that do not move, and how far these would move.

A frozen map has points for some rows of Q. More rows are placed among them, each as if it were the
only one. What the map would be if it were drawn anew is told by `redraw`.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from modelmap.geometry import attraction
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.embedding import embed

# What a redrawn map must gain, in nats of its method's loss, for all models to move by a tenth of
# the map's diameter. Optima are many and flat: without it, one zoo model more moves the median of
# the others by a fifth of the diameter (docs/frozen.md).
WORTH = 2.0


class Frozen(NamedTuple):
    """Models and their points on a map that stays."""

    Q: np.ndarray  # (n_old, n_samples), nats, centered as those to be placed
    points: np.ndarray  # (n_old, 2)
    method: str  # tsne, umap, pca or mds
    parameters: dict  # as `embedding.embed` gives them
    noise: list  # each model's variance of rounding, nats²; None: not measured; only mds asks

    @property
    def diameter(self):
        """Largest distance of two points."""
        return float(np.sqrt(2 * squared_distances(self.points).max()))


def align(X, onto):
    """Lay points onto others: the rotation, reflection and shift that bring them nearest.

    Orthogonal Procrustes (Schönemann 1966), without scaling: distances between the points stay.

    Parameters
    ----------
    X, onto : arrays of shape (n_models, n_dimensions)
        Row i of both is the same model.

    Returns
    -------
    array of shape (n_models, n_dimensions)
        X, moved; the sum of squared distances to `onto` is the least there is.
    """
    return alignment(X, onto)(X)


def alignment(X, onto):
    """Return the function that `align` moves points by, to move others of the same map along."""
    X, onto = np.asarray(X, dtype=float), np.asarray(onto, dtype=float)
    center, target = X.mean(axis=0), onto.mean(axis=0)
    left, _, right = np.linalg.svd((X - center).T @ (onto - target))
    return lambda points: (points - center) @ (left @ right) + target


def place(frozen, Q, *, noise):
    """Place models on a map that stays: where its method would have them if nothing else moved.

    On PCA's axes by projection; by MDS where Gower (1968) adds a point; for t-SNE and UMAP at the
    least loss of the one point, sought from among its neighbors and from the nearest of them.

    Parameters
    ----------
    frozen : Frozen
    Q : array of shape (n_new, n_samples)
        nats, centered with the frozen map's column means.
    noise : list, as in `frozen`, of the new models

    Returns
    -------
    array of shape (n_new, 2)
        A model's row does not depend on the others.
    """
    return _METHODS[frozen.method][0](frozen, np.asarray(Q, dtype=float), noise)


def redraw(frozen, Q, placed, *, noise, worth=WORTH):
    """Draw the map of old and new models anew, and lay it onto the frozen one.

    PCA and MDS are computed anew. t-SNE and UMAP go downhill from where the models are, held by
    springs to where the old ones were (as Rauber et al. 2016 do over time).

    Parameters
    ----------
    frozen : Frozen
    Q, noise : of the new models, as for `place`
    placed : array of shape (n_new, 2)
        What `place` returned.
    worth : float
        See WORTH; 0 lets old models go.

    Returns
    -------
    array of shape (n_old + n_new, 2)
        Aligned by the old models, which come first.
    """
    every = np.vstack([frozen.Q, Q])
    drawn = _METHODS[frozen.method][1](
        frozen, every, np.vstack([frozen.points, placed]), noise, worth
    )
    return alignment(drawn[: len(frozen.Q)], frozen.points)(drawn)


def _project(frozen, Q, noise):
    """Onto the axes of which the old points are the projections: x = Xv, v = X'x / x'x."""
    power = (frozen.points**2).sum(axis=0)
    axes = np.divide(
        frozen.Q.T @ frozen.points, power, where=power > 0, out=np.zeros((Q.shape[1], 2))
    )
    return np.column_stack([(Q * axis).mean(axis=1) for axis in axes.T])


def _add_points(frozen, Q, noise):
    """Gower 1968, Biometrika 55: x = Λ⁻¹ X'b, b the new row of the double-centered −d²/2."""
    v, v_new = ([x or 0.0 for x in some] for some in (frozen.noise, noise))
    old = np.maximum(squared_distances(frozen.Q) - np.add.outer(v, v), 0)
    np.fill_diagonal(old, 0)
    new = np.maximum(_between(Q, frozen.Q) - np.add.outer(v_new, v), 0)
    b = (old.mean(axis=0) - new) / 2  # constants of a row fall out: columns of X sum to zero
    power = (frozen.points**2).sum(axis=0)
    return np.divide(
        np.einsum("ij,jk->ik", b, frozen.points), power, where=power > 0, out=np.zeros((len(Q), 2))
    )


def _place_by_tsne(frozen, Q, noise):
    d2 = _tsne_distances(frozen, Q)
    affinities = attraction.tsne_affinities(d2, perplexity=frozen.parameters["perplexity"])
    losses = (attraction.tsne_loss_of_one(p, frozen.points) for p in affinities)
    return _descend_each(losses, affinities, frozen.points)


def _place_by_umap(frozen, Q, noise):
    how = frozen.parameters
    affinities = attraction.umap_affinities(_between(Q, frozen.Q), n_neighbors=how["n_neighbors"])
    losses = (
        attraction.umap_loss_of_one(p, frozen.points, min_dist=how["min_dist"]) for p in affinities
    )
    return _descend_each(losses, affinities, frozen.points)


def _descend_each(losses, affinities, points):
    found = np.empty((len(affinities), 2))
    for i, (loss, p) in enumerate(zip(losses, affinities, strict=True)):
        starts = p @ points / p.sum(), points[p.argmax()]
        ends = [minimize(loss, start, jac=True, method="L-BFGS-B") for start in starts]
        found[i] = min(ends, key=lambda end: end.fun).x
    return found


def _redraw_pca(frozen, Q, start, noise, worth):
    return embed(Q, "pca").coordinates


def _redraw_mds(frozen, Q, start, noise, worth):
    return embed(Q, "mds", noise=[*frozen.noise, *noise]).coordinates


def _redraw_tsne(frozen, Q, start, noise, worth):
    d2 = _tsne_distances(frozen._replace(Q=Q), Q)
    loss = attraction.tsne_loss(d2, perplexity=frozen.parameters["perplexity"])
    return _descend_together(loss, start, frozen, worth)


def _redraw_umap(frozen, Q, start, noise, worth):
    how = {key: frozen.parameters[key] for key in ("n_neighbors", "min_dist")}
    return _descend_together(
        attraction.umap_loss(squared_distances(Q), **how), start, frozen, worth
    )


def _descend_together(loss, start, frozen, worth):
    """Minimize a loss of all points, plus worth · mean (moved/diameter)² / 0.1² of old ones."""
    n, unit = len(frozen.points), frozen.diameter or 1.0
    stiffness = worth / 0.1**2 / n

    def held(flat):
        value, gradient = loss(flat.reshape(-1, 2))
        moved = (flat.reshape(-1, 2)[:n] - frozen.points) / unit
        gradient[:n] += 2 * stiffness / unit * moved
        return value + stiffness * (moved**2).sum(), gradient.ravel()

    end = minimize(held, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return end.x.reshape(-1, 2)


def _tsne_distances(frozen, Q):
    """Squared distances in the map's metric, up to a factor; squared once more as published."""
    rows = [_unit(X) if frozen.parameters["metric"] == "cosine" else X for X in (Q, frozen.Q)]
    d2 = _between(*rows)
    return d2**2 if frozen.parameters.get("published") else d2


def _unit(X):
    length = np.sqrt((X**2).sum(axis=1, keepdims=True))
    return np.divide(X, length, where=length > 0, out=np.zeros_like(X))


def _between(Q, others):
    """Squared distances (n_models, n_others), each of its two rows alone, to the last bit."""
    return cdist(Q, others, "sqeuclidean") / Q.shape[1]


_METHODS = {  # how a model is placed, how the map is redrawn
    "pca": (_project, _redraw_pca),
    "mds": (_add_points, _redraw_mds),
    "tsne": (_place_by_tsne, _redraw_tsne),
    "umap": (_place_by_umap, _redraw_umap),
}
