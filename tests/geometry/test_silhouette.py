"""Silhouettes without the own lineage."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from modelmap.geometry.divergence import squared_distances
from modelmap.geometry.silhouette import silhouettes

LABELS = np.repeat(["a", "b", "c"], [5, 4, 3])


def planted(spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    centers = {label: 3 * rng.normal(size=50) for label in "abc"}
    return np.array([centers[label] for label in LABELS]) + spread * rng.normal(size=(12, 50))


def test_of_lineages_of_one_they_are_scikit_learns():
    Q = planted(6)
    found = silhouettes(squared_distances(Q), LABELS, np.arange(12))
    np.testing.assert_allclose(found, silhouette_samples(Q, LABELS))


def test_planted_labels_stand_together_and_random_ones_do_not():
    d2, alone = squared_distances(planted()), np.arange(12)
    assert silhouettes(d2, LABELS, alone).min() > 0.5
    mixed = np.random.default_rng(1).permutation(LABELS)
    assert silhouettes(d2, mixed, alone).mean() < 0.1


def test_the_own_lineage_counts_in_neither_mean():
    """Copies of itself are near whatever the label."""
    Q = planted()
    lineage = np.array([0, 0, 1, 2, 3, *range(4, 11)])
    Q[1] = Q[0]
    found = silhouettes(squared_distances(Q), LABELS, lineage)
    distances = np.sqrt(squared_distances(Q))
    a, b = distances[0, 2:5].mean(), min(distances[0, 5:9].mean(), distances[0, 9:].mean())
    assert found[0] == pytest.approx((b - a) / max(a, b))


def test_who_has_no_one_of_its_label_elsewhere_is_unknown():
    lineage = np.array([0] * 5 + list(range(1, 8)))
    found = silhouettes(squared_distances(planted()), LABELS, lineage)
    assert np.isnan(found[:5]).all()
    assert np.isfinite(found[5:]).all()
    assert np.isnan(silhouettes(np.ones((3, 3)), ["a"] * 3, [0, 1, 2])).all()


def test_equal_models_are_between():
    assert silhouettes(np.zeros((4, 4)), ["a", "a", "b", "b"], range(4)).tolist() == [0] * 4


def test_the_order_of_models_changes_nothing():
    Q, order = planted(4), np.random.default_rng(2).permutation(12)
    lineage = np.arange(12) // 2
    straight = silhouettes(squared_distances(Q), LABELS, lineage)
    mixed = silhouettes(squared_distances(Q[order]), LABELS[order], lineage[order])
    np.testing.assert_allclose(mixed, straight[order])
