import numpy as np
import pytest
from scipy.spatial.distance import cdist

from modelmap.geometry.centering import double_center
from modelmap.geometry.embedding import embed
from modelmap.geometry.placing import Frozen, align, alignment, place, redraw

pytestmark = pytest.mark.slow


def turned(X, angle, *, mirror=False):
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.diag([1, -1 if mirror else 1])
    return X @ turn + [3, -7]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("angle", [0, 1, 3])
def test_procrustes_of_a_rotated_map_is_zero(angle, mirror):
    X = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(align(turned(X, angle, mirror=mirror), X), X, atol=1e-12)


def test_alignment_keeps_distances_and_the_order_of_models_does_not_matter():
    rng = np.random.default_rng(1)
    X, onto, order = rng.normal(size=(8, 3)), rng.normal(size=(8, 3)), rng.permutation(8)
    moved = align(X, onto)
    np.testing.assert_allclose((moved - moved[0]) @ (moved - moved[0]).T, (X - X[0]) @ (X - X[0]).T)
    np.testing.assert_allclose(align(X[order], onto[order]), moved[order], atol=1e-12)


def test_no_turn_brings_points_nearer_than_alignment():
    rng = np.random.default_rng(2)
    X, onto = rng.normal(size=(2, 12, 2))
    least = ((align(X, onto) - onto) ** 2).sum()
    for angle in np.linspace(0, 6.2, 30):
        for mirror in (False, True):
            other = turned(X, angle, mirror=mirror)
            other += onto.mean(axis=0) - other.mean(axis=0)
            assert ((other - onto) ** 2).sum() >= least - 1e-9


def test_points_move_along_with_those_that_are_aligned():
    X = np.random.default_rng(3).normal(size=(6, 2))
    move = alignment(turned(X[:4], 2), X[:4])
    np.testing.assert_allclose(move(turned(X, 2)), X, atol=1e-12)


# Placing

SETTINGS = {
    "tsne": {"perplexity": 4, "metric": "euclidean", "max_iter": 500, "random_state": 0},
    "umap": {"n_neighbors": 6, "min_dist": 0.1, "random_state": 0},
    "pca": {},
    "mds": {},
}


def families(n_families=4, size=5, n_samples=120, seed=0):
    """Log-likelihoods of models of some families, one after the other."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(rng.normal(size=(n_families, n_samples)), size, axis=0)
    return centers + 0.3 * rng.normal(size=centers.shape)


def frozen_map(method, L, **changes):
    """A map of the rows of L, and how to center a row for it."""
    noise = np.linspace(0, 0.02, len(L)).tolist()
    how = SETTINGS[method] | changes | ({"noise": noise} if method == "mds" else {})
    Q = double_center(L)
    made = embed(Q, method, **how)
    frozen = Frozen(Q, made.coordinates, method, made.parameters, noise)
    return frozen, lambda rows: double_center(rows, column_means=L.mean(axis=0))


@pytest.fixture(params=SETTINGS)
def method(request):
    return request.param


def test_a_new_model_is_placed_in_its_family(method):
    L = families()
    frozen, center = frozen_map(method, np.delete(L, [2, 8, 19], axis=0))
    placed = place(frozen, center(L[[2, 8, 19]]), noise=[0, None, 0])
    nearest = cdist(placed, frozen.points).argmin(axis=1)
    assert (np.delete(np.arange(20) // 5, [2, 8, 19])[nearest] == [0, 1, 3]).all()


def test_new_models_do_not_depend_on_each_other(method):
    L = families()
    frozen, center = frozen_map(method, L[:16])
    Q = center(np.vstack([L[16:], L[16]]))
    together = place(frozen, Q, noise=[0.1] * 5)
    alone = np.vstack([place(frozen, row[None], noise=[0.1]) for row in Q])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[0], together[4])
    np.testing.assert_array_equal(place(frozen, Q[::-1], noise=[0.1] * 5), together[::-1])


def test_the_order_of_old_models_and_of_samples_changes_nothing(method):
    L, rng = families(), np.random.default_rng(1)
    frozen, center = frozen_map(method, L[:16])
    models, samples = rng.permutation(16), rng.permutation(120)
    mixed = frozen._replace(
        Q=frozen.Q[models][:, samples],
        points=frozen.points[models],
        noise=[frozen.noise[i] for i in models],
    )
    Q = center(L[16:])
    placed = place(frozen, Q, noise=[None] * 4)
    np.testing.assert_allclose(place(mixed, Q[:, samples], noise=[None] * 4), placed, atol=1e-3)


@pytest.mark.parametrize("method", ["pca", "mds"])
def test_a_copy_of_an_old_model_lands_on_it(method):
    L = families()
    frozen, center = frozen_map(method, L)
    if method == "mds":  # a copy that has noise of its own would stand elsewhere
        frozen = frozen_map("pca", L)[0]._replace(method="mds", noise=[None] * 20)
    placed = place(frozen, center(L), noise=[None] * 20)
    np.testing.assert_allclose(placed, frozen.points, atol=1e-10)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_copy_of_an_old_model_is_nearest_to_it_by_tsne(metric):
    L = families()
    frozen, center = frozen_map("tsne", L, metric=metric)
    placed = place(frozen, center(L), noise=[None] * 20)
    assert (cdist(placed, frozen.points).argmin(axis=1) == np.arange(20)).mean() >= 0.8


def test_mds_without_noise_places_where_pca_does():
    L = families()
    frozen, center = frozen_map("pca", L[:15])
    Q, noise = center(L[15:]), [None] * 5
    by_mds = place(frozen._replace(method="mds", noise=[None] * 15), Q, noise=noise)
    np.testing.assert_allclose(by_mds, place(frozen, Q, noise=noise), atol=1e-10)


@pytest.mark.parametrize("kind", ["identical", "on a line", "two by two"])
def test_a_map_of_few_dimensions_takes_new_models(method, kind):
    row, other = families(2, 1)
    old = {
        "identical": np.zeros((8, 120)),
        "on a line": np.outer(np.arange(8), row),
        "two by two": np.repeat([row, other], 4, axis=0),
    }
    frozen, center = frozen_map(method, old[kind])
    assert np.isfinite(place(frozen, center(np.vstack([row, other])), noise=[None] * 2)).all()


# Redrawing


def test_one_model_more_moves_the_others_little_in_a_redrawn_map(method):
    """Of families that lie one behind the other: equally far ones give PCA no axes to keep."""
    L = families() * np.repeat([1, 1.3, 1.7, 2.2], 5)[:, None]
    for i in (0, 7, 13):
        frozen, center = frozen_map(method, np.delete(L, i, axis=0))
        Q = center(L[i : i + 1])
        drawn = redraw(frozen, Q, place(frozen, Q, noise=[None]), noise=[None])
        moved = np.linalg.norm(drawn[:19] - frozen.points, axis=1) / frozen.diameter
        assert drawn.shape == (20, 2)
        assert np.median(moved) <= 0.02
        assert moved.max() <= 0.1


@pytest.mark.parametrize("method", ["pca", "mds"])
def test_a_map_redrawn_without_new_models_stays(method):
    frozen, _ = frozen_map(method, families())
    none = np.empty((0, 120))
    drawn = redraw(frozen, none, np.empty((0, 2)), noise=[])
    np.testing.assert_allclose(drawn, frozen.points, atol=1e-9)
