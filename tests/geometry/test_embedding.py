import json
import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from sklearn.preprocessing import normalize

from modelmap.geometry import embedding
from modelmap.geometry.attraction import tsne_loss
from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.embedding import TooFewModels, neighbor_overlap, trustworthiness

PARAMS = {
    "tsne": {"perplexity": 30, "metric": "euclidean", "max_iter": 300, "random_state": 0},
    "umap": {"n_neighbors": 15, "min_dist": 0.1, "random_state": 0},
    "pca": {},
    "mds": {},
}
AT_LEAST = {"tsne": 4, "umap": 3, "pca": 2, "mds": 2}


def coordinates_of(n_models, n_samples=40, seed=0):
    return double_center(np.random.default_rng(seed).normal(size=(n_models, n_samples)))


def embed(Q, method, **params):
    """The same, MDS without noise unless it is told."""
    return embedding.embed(
        Q, method, **({"noise": [None] * len(Q)} if method == "mds" else {}) | params
    )


def clusters(n_clusters=3, size=6, noise=0.1):
    rng = np.random.default_rng(1)
    L = np.repeat(rng.normal(size=(n_clusters, 80)), size, axis=0)
    return double_center(L + noise * rng.normal(size=L.shape))


@pytest.mark.parametrize("method", PARAMS)
def test_same_input_same_output(method):
    first, second = (embed(clusters(), method, **PARAMS[method]) for _ in range(2))
    np.testing.assert_array_equal(first.coordinates, second.coordinates)
    assert first.coordinates.shape == (18, 2)
    assert first.coordinates.dtype == np.float64
    assert json.loads(json.dumps(first.parameters)) == first.parameters


@pytest.mark.parametrize("method", PARAMS)
def test_clusters_stay_together(method):
    Q = clusters()
    map_ = embed(Q, method, **PARAMS[method] | ({"perplexity": 3} if method == "tsne" else {}))
    nearest = squared_distances(map_.coordinates) + np.diag(np.full(18, np.inf))
    assert (nearest.argmin(axis=1) // 6 == np.arange(18) // 6).all()


@pytest.mark.parametrize("method", PARAMS)
def test_too_few_models_are_refused_with_their_number(method):
    for n_models in range(1, AT_LEAST[method]):
        with pytest.raises(TooFewModels, match=f"at least .* models, there are {n_models}$"):
            embed(coordinates_of(n_models), method, **PARAMS[method])


@pytest.mark.parametrize("method", PARAMS)
@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("scale", [1, 0])
def test_few_or_identical_models_are_placed_in_silence(method, extra, scale):
    Q = scale * coordinates_of(AT_LEAST[method] + extra)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Tensorflow", category=ImportWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        map_ = embed(Q, method, **PARAMS[method])
    assert np.isfinite(map_.coordinates).all()


@pytest.mark.parametrize("method", sorted(PARAMS))
def test_identical_models_are_placed_though_centering_leaves_rounding(method):
    """Their mean is not exactly each of them: t-SNE's principal axes are then none, and it died."""
    row = np.random.default_rng(0).normal(-100, 20, 30)
    Q = double_center(np.tile(row, (6, 1)))
    assert Q.any()
    map_ = embed(Q, method, **PARAMS[method])
    assert np.isfinite(map_.coordinates).all()


def test_perplexity_is_given_or_what_the_number_of_models_allows():
    params = PARAMS["tsne"] | {"perplexity": 5}
    assert embed(coordinates_of(20), "tsne", **params).parameters["perplexity"] == 5
    assert embed(coordinates_of(10), "tsne", **params).parameters["perplexity"] == 3
    umap = embed(coordinates_of(10), "umap", **PARAMS["umap"]).parameters
    assert umap["n_neighbors"] == 9


def test_cosine_is_euclidean_on_normalized_rows():
    Q = coordinates_of(15) * np.arange(1, 16)[:, None]
    euclidean = PARAMS["tsne"]
    cosine = euclidean | {"metric": "cosine"}
    expected = embed(normalize(Q), "tsne", **euclidean)
    np.testing.assert_array_equal(embed(Q, "tsne", **cosine).coordinates, expected.coordinates)
    assert not np.allclose(embed(Q, "tsne", **euclidean).coordinates, expected.coordinates)


def test_scikit_learn_still_squares_the_squared_distances():
    """Why no other metric is offered: "sqeuclidean" on Q is Euclidean on d² as distance."""
    Q = coordinates_of(15)
    d2 = squared_distances(Q) * Q.shape[1]
    params = {"perplexity": 4, "max_iter": 300, "random_state": 0}
    start = 1e-4 * np.random.default_rng(0).normal(size=(15, 2)).astype(np.float32)
    literal = TSNE(metric="sqeuclidean", init=start.copy(), **params).fit(Q)
    precomputed = TSNE(metric="precomputed", init=start.copy(), **params).fit(d2)
    assert literal.kl_divergence_ == pytest.approx(precomputed.kl_divergence_, rel=1e-3)


def test_tsne_does_not_stall_as_scikit_learns_own_learning_rate_does():
    Q, params = clusters(3, 7, noise=0.3), {"perplexity": 6, "max_iter": 2000, "random_state": 42}
    loss = tsne_loss(squared_distances(Q), perplexity=6)
    ours = embed(Q, "tsne", metric="euclidean", **params).coordinates
    own = TSNE(init="pca", **params).fit_transform(Q).astype(float)
    assert loss(ours)[0] < 0.01
    assert loss(own)[0] > 0.1
    assert np.ptp(own) > 3 * np.ptp(ours)


def test_pca_is_principal_component_analysis():
    Q = coordinates_of(12) / np.sqrt(40)
    map_ = embed(coordinates_of(12), "pca")
    reference = PCA().fit(Q)
    np.testing.assert_allclose(
        np.abs(map_.coordinates), np.abs(reference.transform(Q)[:, :2]), atol=1e-10
    )
    np.testing.assert_allclose(map_.explained_variance, reference.explained_variance_ratio_[:11])
    assert map_.explained_variance.sum() == pytest.approx(1)


def test_pca_does_not_depend_on_the_order_of_models():
    order = np.random.default_rng(0).permutation(12)
    map_, mixed = embed(coordinates_of(12), "pca"), embed(coordinates_of(12)[order], "pca")
    np.testing.assert_allclose(mixed.coordinates, map_.coordinates[order], atol=1e-10)


def test_mds_of_distances_without_noise_is_pca():
    Q = coordinates_of(12)
    pca, mds = embed(Q, "pca"), embed(Q, "mds")
    np.testing.assert_allclose(mds.coordinates, pca.coordinates, atol=1e-10)
    np.testing.assert_allclose(mds.explained_variance, pca.explained_variance, atol=1e-12)
    assert mds.parameters["n_negative_eigenvalues"] == 0


def test_mds_takes_known_noise_off_and_pca_does_not():
    """A plane of models, some scored in few bits: PCA pulls its first axes towards their noise."""
    rng = np.random.default_rng(3)
    plane = rng.normal(size=(16, 2)) * [3, 2]
    samples = np.linalg.qr(rng.normal(size=(4000, 2)))[0].T * np.sqrt(4000)
    noise = np.where(np.arange(16) % 4 == 0, 25.0, 0.0)
    Q = double_center(plane @ samples + np.sqrt(noise)[:, None] * rng.normal(size=(16, 4000)))
    true = squared_distances(plane) * 2
    errors = {}
    for method, extra in {"pca": {}, "mds": {"noise": noise}}.items():
        found = squared_distances(embed(Q, method, **extra).coordinates) * 2
        errors[method] = np.sqrt(np.mean((found - true) ** 2)) / true.mean()
    assert errors["mds"] < 0.1 < 0.25 < errors["pca"]


def test_mds_tells_what_no_space_can_show():
    """Three models on a line, their middle one too noisy to be there: 1 + 1 < 2."""
    Q = double_center(np.array([[-1.0, -1, 1, 1], [0, 0, 0, 0], [1, 1, -1, -1]]) * 2)
    found = embed(Q, "mds", noise=[0, 3.0, None]).parameters
    assert found["n_negative_eigenvalues"] == 1
    assert 0 < found["negative_share"] < 0.5
    assert found["n_noise_measured"] == 2


def test_mds_does_not_depend_on_the_order_of_models():
    Q, noise, order = coordinates_of(12), np.linspace(0, 0.3, 12), np.random.default_rng(0)
    order = order.permutation(12)
    map_, mixed = embed(Q, "mds", noise=noise), embed(Q[order], "mds", noise=noise[order])
    np.testing.assert_allclose(mixed.coordinates, map_.coordinates[order], atol=1e-10)


@pytest.mark.parametrize("method", PARAMS)
def test_two_models_that_are_one_stand_in_one_place(method):
    Q = clusters()
    Q[1] = Q[0]
    params = PARAMS[method] | ({"perplexity": 3} if method == "tsne" else {})
    at = embed(Q, method, **params).coordinates
    assert np.linalg.norm(at[0] - at[1]) < 0.15 * np.linalg.norm(np.ptp(at, axis=0))


@pytest.mark.parametrize("seed", range(5))
def test_pca_of_two_models_lies_on_the_first_axis(seed):
    Q = coordinates_of(2, seed=seed)
    map_ = embed(Q, "pca")
    np.testing.assert_allclose(map_.coordinates[:, 1], 0, atol=1e-6)
    assert np.ptp(map_.coordinates[:, 0]) ** 2 == pytest.approx(squared_distances(Q)[0, 1])
    np.testing.assert_allclose(embed(Q[::-1], "pca").coordinates[:, 0], map_.coordinates[::-1, 0])


def test_unknown_method_or_metric_is_named():
    with pytest.raises(ValueError, match="'isomap', expected one of tsne, umap, pca, mds"):
        embed(coordinates_of(5), "isomap")
    with pytest.raises(ValueError, match="'manhattan', expected 'euclidean' or 'cosine'"):
        embed(coordinates_of(5), "tsne", **PARAMS["tsne"] | {"metric": "manhattan"})


def test_a_setting_cannot_be_forgotten():
    with pytest.raises(TypeError, match="perplexity"):
        embed(coordinates_of(5), "tsne", metric="euclidean", max_iter=300, random_state=0)


@pytest.mark.parametrize("faithfulness", [trustworthiness, neighbor_overlap])
def test_a_true_map_is_faithful_and_a_random_one_is_not(faithfulness):
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(40, 2))
    d2 = squared_distances(plane)
    assert faithfulness(d2, plane, n_neighbors=5) == 1
    assert faithfulness(d2, rng.normal(size=(40, 2)), n_neighbors=5) < 0.7


def test_overlap_counts_the_neighbors_kept():
    rng = np.random.default_rng(2)
    truth, map_ = rng.normal(size=(2, 30, 2))
    near = [np.argsort(squared_distances(points), axis=1)[:, 1:6] for points in (truth, map_)]
    kept = sum(len(set(a) & set(b)) for a, b in zip(*near, strict=True))
    overlap = neighbor_overlap(squared_distances(truth), map_, n_neighbors=5)
    assert overlap == pytest.approx(kept / (30 * 5))


def test_trustworthiness_is_that_of_the_points():
    Q, random = coordinates_of(30), np.random.default_rng(2).normal(size=(30, 2))
    expected = sklearn_trustworthiness(Q, random, n_neighbors=5)
    assert trustworthiness(squared_distances(Q), random, n_neighbors=5) == pytest.approx(expected)


def test_random_map_overlaps_by_chance():
    rng = np.random.default_rng(0)
    d2 = squared_distances(rng.normal(size=(60, 2)))
    overlap = [neighbor_overlap(d2, rng.normal(size=(60, 2)), n_neighbors=10) for _ in range(20)]
    assert np.mean(overlap) == pytest.approx(10 / 59, abs=0.02)


@pytest.mark.parametrize("faithfulness", [trustworthiness, neighbor_overlap])
def test_faithfulness_of_few_models(faithfulness):
    points = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]])
    assert faithfulness(squared_distances(points), points, n_neighbors=10) == 1
    assert np.isnan(faithfulness(squared_distances(points[:2]), points[:2], n_neighbors=10))
