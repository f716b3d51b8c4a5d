import numpy as np
import pytest

from modelmap.geometry.placing import align, alignment


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
