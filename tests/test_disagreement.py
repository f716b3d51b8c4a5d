import numpy as np
import polars as pl
import pytest

from modelmap import disagreement

rng = np.random.default_rng(0)
MODELS = [f"m{i:03}" for i in range(150)]  # more than a block of rows
Q = rng.normal(size=(150, 40))
NEAREST = (np.arange(150) + 1) % 150


def test_the_samples_are_those_of_the_largest_differences():
    samples, differences, shares = disagreement.most(Q, NEAREST, 5)
    difference = np.abs(Q - Q[NEAREST])
    expected = np.argsort(-difference, axis=1)[:, :5]
    np.testing.assert_array_equal(samples, expected)
    signed = np.take_along_axis(Q - Q[NEAREST], expected, axis=1)
    np.testing.assert_array_equal(differences, signed)
    squares = np.sort(difference**2, axis=1)[:, ::-1]
    np.testing.assert_allclose(shares, squares[:, :5] / squares.sum(axis=1, keepdims=True))


def test_what_all_samples_carry_is_the_whole_distance():
    _, _, shares = disagreement.most(Q, NEAREST, 99)
    assert shares.shape == Q.shape
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_means_of_models_and_of_samples_do_not_matter():
    centered = Q - Q.mean(axis=0)
    for found, expected in zip(
        disagreement.most(centered, NEAREST), disagreement.most(Q, NEAREST), strict=True
    ):
        np.testing.assert_allclose(found, expected)


def test_twins_share_no_distance():
    samples, differences, shares = disagreement.most(np.ones((2, 9)), np.array([1, 0]), 3)
    assert shares.tolist() == differences.tolist() == [[0, 0, 0]] * 2
    assert samples.tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("n_samples", [0, 1])
def test_a_single_model_and_few_samples(n_samples):
    alone = disagreement.nearest(["a"], pl.DataFrame({"model": [], "rank": [], "neighbor": []}))
    samples, differences, shares = disagreement.most(np.ones((1, n_samples)), alone)
    assert samples.shape == differences.shape == shares.shape == (0, n_samples)
    pair = disagreement.most(np.eye(2)[:, :n_samples], np.array([1, 0]))
    assert pair[0].shape == (2, n_samples)


def test_the_table_has_both_log_likelihoods():
    neighbors = pl.DataFrame({"model": ["b", "a", "a"], "rank": [1, 1, 2], "neighbor": list("abb")})
    nearest = disagreement.nearest(["a", "b"], neighbors)
    L = np.array([[-1.0, -2.0, -3.0], [-1.5, -9.0, -4.0]])
    found = disagreement.most(L - L.mean(axis=1, keepdims=True), nearest, 2)
    table = disagreement.table(["a", "b"], nearest, found, L, pl.Series(["s0", "s1", "s2"]))
    assert table.drop("share", "difference").rows() == [
        ("a", "b", "s1", -2, -9),
        ("a", "b", "s0", -1, -1.5),
        ("b", "a", "s1", -9, -2),
        ("b", "a", "s0", -1.5, -1),
    ]
    np.testing.assert_allclose(table["difference"], np.array([25, -14, -25, 14]) / 6)
    samples = pl.DataFrame({"sample_id": ["s0", "s1", "s2", "s3"], "group": list("yxxz")})
    assert disagreement.groups(table, samples) == ["x", "y"]
    more = pl.concat([table, table.filter(sample_id="s0")])
    assert disagreement.groups(more, samples) == ["y", "x"]
