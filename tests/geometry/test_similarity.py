import numpy as np
import pytest
from scipy.spatial import procrustes as scipys

from modelmap.geometry import similarity
from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.similarity import debiased_cka, gram, moments, neighbor_overlap, procrustes

K, N = 24, 60


def configuration(Q, n_neighbors=5, n_components=3):
    how = {"n_neighbors": n_neighbors, "n_components": n_components}
    return similarity.configuration(gram(moments(Q)), **how)


def noise(seed=0, shape=(K, N)):
    return np.random.default_rng(seed).normal(size=shape)


def turned(Q, seed=1):
    """The same map: samples rotated among themselves, all models shifted, another unit."""
    basis = np.linalg.qr(np.column_stack([np.ones(N), noise(seed, (N, N - 1))]))[0]
    turn = np.eye(N)
    turn[1:, 1:] = np.linalg.qr(noise(seed + 1, (N - 1, N - 1)))[0]  # rows stay centered
    return 3 * Q @ basis @ turn @ basis.T + noise(2, N) + 7


# Moments


def test_moments_add_up_over_disjoint_samples():
    Q, chosen = noise(), np.arange(N) % 3 == 0
    whole = moments(Q)
    np.testing.assert_allclose(moments(Q[:, chosen]) + moments(Q[:, ~chosen]), whole)
    np.testing.assert_allclose(gram(whole - moments(Q[:, chosen])), np.cov(Q[:, ~chosen], ddof=0))


# Debiased CKA


def hsic(K, L):
    """Song et al. 2012, eq. 5, as printed."""
    n = len(K)
    K, L, one = K - np.diag(np.diag(K)), L - np.diag(np.diag(L)), np.ones(n)
    total = np.trace(K @ L) + (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * (one @ K @ L @ one)) / (n * (n - 3))


def test_cka_is_that_of_the_papers():
    Q, R = noise(3), noise(4) + noise(3)
    G, H = gram(moments(Q)), gram(moments(R))
    expected = hsic(G, H) / np.sqrt(hsic(G, G) * hsic(H, H))
    assert debiased_cka(configuration(Q), configuration(R)) == pytest.approx(expected)


def test_a_rotated_shifted_and_scaled_map_is_the_same():
    Q = noise()
    a, b = configuration(Q), configuration(turned(Q))
    assert debiased_cka(a, b) == pytest.approx(1)
    assert neighbor_overlap(a.near, b.near) == pytest.approx(1)
    assert procrustes(a.components, b.components) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n_samples", [10, 1000])
def test_cka_of_independent_noise_has_mean_zero(n_samples):
    """Plain CKA has not: with more samples than models it goes to 1."""
    rng, found, plain = np.random.default_rng(5), [], []
    for _ in range(300):
        Q, R = rng.normal(size=(2, 12, n_samples))
        found.append(debiased_cka(configuration(Q), configuration(R)))
        G, H = (x - x.mean(axis=0) for x in (gram(moments(Q)), gram(moments(R))))
        G, H = (x - x.mean(axis=1, keepdims=True) for x in (G, H))
        plain.append((G * H).sum() / np.sqrt((G**2).sum() * (H**2).sum()))
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(300)
    assert np.mean(plain) > (0.4 if n_samples == 10 else 0.98)


# Neighbors


def test_overlap_is_one_with_itself_and_chance_on_noise():
    rng, found = np.random.default_rng(6), []
    for _ in range(100):
        a, b = (configuration(Q) for Q in rng.normal(size=(2, K, N)))
        assert neighbor_overlap(a.near, a.near) == 1
        found.append(neighbor_overlap(a.near, b.near))
    assert np.mean(found) == pytest.approx(5 / (K - 1), abs=3 * np.std(found) / 10)


def test_overlap_counts_the_neighbors_in_common():
    line, other = np.array([0, 1, 2.5, 10.0]), np.array([0, 1, 10, 2.5])
    near = [
        similarity.nearest(np.subtract.outer(x, x) ** 2, 1).argmax(axis=1).tolist()
        for x in (line, other)
    ]
    assert near == [[1, 0, 1, 2], [1, 0, 3, 1]]
    a, b = (similarity.nearest(np.subtract.outer(x, x) ** 2, 1) for x in (line, other))
    assert neighbor_overlap(a, b) == 0.5


def test_equally_far_models_share_a_place():
    Q = noise()
    Q[3] = Q[2] = Q[1]
    near = similarity.nearest(squared_distances(Q), 1)
    np.testing.assert_allclose(near[1, [2, 3]], 0.5)
    np.testing.assert_allclose(near.sum(axis=1), 1)
    assert neighbor_overlap(near, near) == 1


# Procrustes


def test_procrustes_is_scipys():
    Q, R = noise(7), noise(7) + noise(8)
    a, b = configuration(Q), configuration(R)
    assert procrustes(a.components, b.components) == pytest.approx(
        scipys(a.components, b.components)[2]
    )
    expected = np.linalg.svd(Q - Q.mean(axis=0) - Q.mean(axis=1, keepdims=True) + Q.mean())[1]
    np.testing.assert_allclose(
        np.linalg.norm(a.components, axis=0)[::-1],
        expected[:3] / np.linalg.norm(expected[:3]),
    )


def test_noise_stands_at_its_null():
    """On all dimensions noise looks like agreement; its null tells."""
    rng, few, many, nulls = np.random.default_rng(9), [], [], []
    for _ in range(60):
        (a, b), (c, d) = (
            (configuration(Q, n_components=n).components for Q in rng.normal(size=(2, K, 2000)))
            for n in (3, K - 1)
        )
        few.append(procrustes(a, b))
        many.append(procrustes(c, d))
        null = similarity.procrustes_null(a, b, n_permutations=5, random_state=0)
        nulls.append(null.mean())
    assert np.mean(many) < 0.05
    difference = np.subtract(few, nulls)
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(60)
    assert similarity.above_chance(1 - np.mean(few), 1 - np.mean(nulls)) < 0.02


# Families


def related(rng, sizes, shared):
    """Two maps of families: what is inside them is the same, where they lie is, or is not."""
    family = np.repeat(np.arange(len(sizes)), sizes)
    inside = 0.3 * rng.normal(size=(len(family), N))
    places = 3 * rng.normal(size=(2, len(sizes), 6))
    places[1] = places[0] if shared else places[1]
    return family, [p[family] @ rng.normal(size=(6, N)) + inside for p in places]


def test_family_test_holds_its_level_where_only_membership_is_shared():
    """Permuting single models rejects always."""
    rng, p, free = np.random.default_rng(10), [], []
    for i in range(300):
        family, maps = related(rng, [1, 2, 3, 4, 6, 2, 5, 1], shared=False)
        G = [gram(moments(Q)) for Q in maps]
        how = {"n_permutations": 39, "random_state": i}
        p.append(similarity.family_p_value(*G, family, **how))
        if i < 30:
            free.append(similarity.family_p_value(*G, np.arange(len(family)), **how))
    assert np.mean(free) < 0.05
    for level in (0.05, 0.2, 0.5):
        error = np.sqrt(level * (1 - level) / 300)
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=3 * error)


def test_families_in_the_same_places_are_found():
    family, maps = related(np.random.default_rng(11), [1, 2, 3, 4, 6, 2, 5, 1], shared=True)
    G = [gram(moments(Q)) for Q in maps]
    assert similarity.family_p_value(*G, family, n_permutations=99, random_state=0) == 0.01
    few = np.minimum(family, 2)
    assert np.isnan(similarity.family_p_value(*G, few, n_permutations=9, random_state=0))


# All


def test_the_order_of_models_or_of_samples_changes_nothing():
    Q, R = noise(12), noise(12) + noise(13)
    order = np.random.default_rng(14).permutation(K)
    a, b = configuration(Q), configuration(R)
    for c, d in (
        (configuration(Q[order]), configuration(R[order])),
        (configuration(Q[:, ::-1]), configuration(R[:, np.roll(np.arange(N), 9)])),
    ):
        assert debiased_cka(c, d) == pytest.approx(debiased_cka(a, b))
        assert neighbor_overlap(c.near, d.near) == pytest.approx(neighbor_overlap(a.near, b.near))
        assert procrustes(c.components, d.components) == pytest.approx(
            procrustes(a.components, b.components)
        )


def test_equal_models_are_no_map():
    a = configuration(np.ones((K, N)))
    assert np.isnan(debiased_cka(a, a))
    assert neighbor_overlap(a.near, a.near) == 1


def test_few_are_a_quarter_of_the_models():
    assert [similarity.few(n, 10) for n in (4, 6, 20, 1018)] == [1, 1, 5, 10]
