"""Ridge from the Gram matrix equals scikit-learn's; what is planted is found, and nothing else."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.model_selection import LeaveOneGroupOut

from modelmap.geometry import prediction
from modelmap.geometry.prediction import NestedRidge, Unpredictable
from modelmap.geometry.ridge import DualRidge, lack_of_r2, squared_error

pytestmark = pytest.mark.slow

SIZES = [10, 7, 5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1]
FAMILY = np.repeat(np.arange(len(SIZES)), SIZES)
MODEL = np.arange(len(FAMILY))  # each a lineage of its own
N_SAMPLES = 60


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def draw(rng, effect=1.0, signal=0.0, family=FAMILY):
    """Coordinates and a score of models whose families differ by `effect` in both."""
    n = family.max() + 1
    Q = rng.normal(size=(n, N_SAMPLES))[family] * effect + rng.normal(size=(len(family), N_SAMPLES))
    y = rng.normal(size=n)[family] * effect + rng.normal(size=len(family))
    Q -= Q.mean(axis=1, keepdims=True)
    return Q, (50 + y + signal * Q[:, :5].sum(axis=1))[:, None]


# Ridge from the Gram matrix


@pytest.mark.parametrize("n_samples", [7, 300])  # fewer and more than models
def test_dual_ridge_is_scikit_learns(n_samples):
    rng = np.random.default_rng(0)
    Q = rng.normal(size=(40, n_samples)) * rng.gamma(1, 20, n_samples) + 100
    Y = np.column_stack([Q[:, :5].sum(axis=1) / 20 + rng.normal(size=40), rng.normal(size=40)])
    alphas, folds = 10.0 ** np.arange(-4, 10), np.repeat(np.arange(5), 6)
    G = Q @ Q.T
    ridge = DualRidge(G[:30, :30])
    fit = ridge.search(Y[:30], alphas, folds, lack_of_r2)
    predicted = ridge.predict(fit, G[30:, :30])
    for i in range(2):
        straight = RidgeCV(alphas=alphas, cv=5).fit(Q[:30], Y[:30, i])
        assert fit.alpha[i] == straight.alpha_
        np.testing.assert_allclose(predicted[:, i], straight.predict(Q[30:]), rtol=1e-8)
        weights = Q[:30].T @ fit.C[:, i]
        np.testing.assert_allclose(weights, straight.coef_, atol=1e-8)


def test_held_out_residuals_are_those_of_refits():
    rng = np.random.default_rng(1)
    Q, Y = rng.normal(size=(12, 30)), rng.normal(size=(12, 3))
    folds = np.array([0, 1, 2, 0, 0, 2, 1, 0, 2, 0, 0, 2])
    ridge, seen = DualRidge(Q @ Q.T), {}

    def loss(_, residuals, folds):
        seen["residuals"] = residuals
        return squared_error(_, residuals, folds)

    ridge.search(Y, [3.0], folds, loss)
    for train, test in LeaveOneGroupOut().split(Q, groups=folds):
        refit = Ridge(alpha=3.0).fit(Q[train], Y[train])
        np.testing.assert_allclose(seen["residuals"][test], Y[test] - refit.predict(Q[test]))


def test_scale_is_the_mean_squared_length_about_the_mean():
    Q = np.random.default_rng(2).normal(size=(9, 20)) + 5
    scale = ((Q - Q.mean(axis=0)) ** 2).sum() / 9
    assert DualRidge(Q @ Q.T).scale == pytest.approx(scale)


# The default protocol


def test_nested_prediction_is_the_straight_one():
    """Everything by hand: penalties of the training models' scale, chosen by their folds."""
    Q, Y = draw(np.random.default_rng(3), signal=1.0)
    folds = prediction.split_groups(FAMILY)
    predicted = NestedRidge(Q @ Q.T, folds).predict(Y)
    for fold in range(5):
        train = folds != fold
        X, y, inner = Q[train], Y[train, 0], folds[train]
        scale = ((X - X.mean(axis=0)) ** 2).sum() / len(X)
        errors = []
        for alpha in prediction.ALPHAS:
            error = 0
            for other in set(inner):
                refit = Ridge(alpha=alpha * scale).fit(X[inner != other], y[inner != other])
                error += ((y[inner == other] - refit.predict(X[inner == other])) ** 2).sum()
            errors.append(error)
        best = Ridge(alpha=prediction.ALPHAS[np.argmin(errors)] * scale).fit(X, y)
        np.testing.assert_allclose(predicted[~train, 0], best.predict(Q[~train]))


def test_folds_hold_out_whole_groups_and_are_of_like_size():
    folds = prediction.split_groups(FAMILY)
    assert all(len(set(folds[family == FAMILY])) == 1 for family in set(FAMILY))
    assert np.bincount(folds).min() >= 7
    assert len(set(prediction.split_groups(np.array([0, 0, 1, 2])))) == 3


def test_groups_join_lineages_and_backbones():
    parents = [[], [0], [], [2], [], [], []]
    backbones = ["a", "b", "c", "c", "b", "d", "e"]
    groups = prediction.groups_to_hold_out(parents, backbones)
    assert len(groups) == 7
    together = {frozenset(np.flatnonzero(groups == group)) for group in groups}
    assert together == {frozenset(s) for s in ({0, 1, 4}, {2, 3}, {5}, {6})}


def test_what_is_centered_how_changes_nothing():
    """Nor does what stands in the test rows change what other test rows are predicted to be."""
    Q, Y = draw(np.random.default_rng(4), signal=1.0)
    folds = prediction.split_groups(FAMILY)
    predicted = NestedRidge(Q @ Q.T, folds).predict(Y)
    shifted = Q + np.random.default_rng(5).normal(size=N_SAMPLES) * 10
    np.testing.assert_allclose(NestedRidge(shifted @ shifted.T, folds).predict(Y), predicted)
    one, others = 0, np.flatnonzero((folds == folds[0]) & (np.arange(len(Q)) > 0))
    leaked, Y = Q.copy(), Y.copy()
    leaked[one] += 100
    Y[one] = -1e6
    found = NestedRidge(leaked @ leaked.T, folds).predict(Y)
    np.testing.assert_allclose(found[others], predicted[others])


def test_r2_is_against_the_training_mean():
    folds, Y = np.array([0, 0, 1, 2]), np.array([[1.0, 5], [2, 5], [3, 5], [6, 5]])
    means = prediction.training_means(Y, folds)
    np.testing.assert_allclose(means[:, 0], [4.5, 4.5, 3, 2])
    np.testing.assert_array_equal(prediction.r2(Y, means, folds), [0, np.nan])
    np.testing.assert_array_equal(prediction.r2(Y, Y, folds), [1, np.nan])


def test_planted_score_is_recovered():
    family = np.arange(150) // 2
    Q, Y = draw(np.random.default_rng(6), effect=0, signal=3.0, family=family)
    folds = prediction.split_groups(family)
    nested = NestedRidge(Q @ Q.T, folds)
    assert prediction.r2(Y, nested.predict(Y), folds)[0] > 0.9
    how = {"n_permutations": 99, "random_state": 0}
    assert nested.p_values(Y, family, np.arange(150), **how)[0] == 0.01
    weights, shares = prediction.sample_weights(Q, Y, folds)
    assert set(np.argsort(-weights[:, 0])[:5]) == set(range(5))
    assert shares.sum() == pytest.approx(1)
    assert shares[:5].sum() > 0.8
    np.testing.assert_allclose(weights[:5, 0], 3, rtol=0.2)


def found_by_chance(effect, groups, families, n=100):
    """Draw scores that have nothing to do with coordinates: share of p <= 0.05, and mean R2."""
    rng = np.random.default_rng(17)
    folds, p, r2 = prediction.split_groups(groups), [], []
    for _ in range(n):
        Q, Y = draw(rng, effect)
        nested = NestedRidge(Q @ Q.T, folds)
        p += list(nested.p_values(Y, families, MODEL, n_permutations=39, random_state=0))
        r2 += list(prediction.r2(Y, nested.predict(Y), folds))
    return np.mean(np.array(p) <= 0.05), np.mean(r2)


@pytest.mark.parametrize("effect", [0, 3])
def test_nothing_planted_is_found_as_rarely_as_announced(effect):
    rate, r2 = found_by_chance(effect, FAMILY, FAMILY)
    assert rate <= 0.1
    assert r2 < 0


def test_a_family_on_both_sides_lifts_r2_but_not_its_rate_of_discovery():
    pairs = np.arange(len(FAMILY)) // 2
    rate, r2 = found_by_chance(3, pairs, FAMILY)
    assert r2 > 0.3
    assert rate <= 0.1
    over_models, _ = found_by_chance(3, pairs, np.arange(len(FAMILY)), n=20)
    assert over_models > 0.5


def test_targets_do_not_know_of_each_other():
    rng = np.random.default_rng(8)
    (Q, a), (_, b) = draw(rng, signal=1.0), draw(rng)
    nested = NestedRidge(Q @ Q.T, prediction.split_groups(FAMILY))
    both = np.hstack([a, b])
    np.testing.assert_allclose(nested.predict(both), np.hstack([nested.predict(y) for y in (a, b)]))
    how = {"n_permutations": 50, "random_state": 0}
    alone = [nested.p_values(y, FAMILY, MODEL, **how)[0] for y in (a, b)]
    assert nested.p_values(both, FAMILY, MODEL, **how).tolist() == alone


def test_the_order_of_models_and_samples_changes_nothing():
    rng = np.random.default_rng(9)
    Q, Y = draw(rng, signal=1.0)
    folds = prediction.split_groups(FAMILY)
    predicted = NestedRidge(Q @ Q.T, folds).predict(Y)
    rows, columns = rng.permutation(len(Q)), rng.permutation(N_SAMPLES)
    mixed = Q[np.ix_(rows, columns)]
    np.testing.assert_array_equal(prediction.split_groups(FAMILY[rows]), folds[rows])
    found = NestedRidge(mixed @ mixed.T, folds[rows]).predict(Y[rows])
    np.testing.assert_allclose(found, predicted[rows])
    weights, shares = prediction.sample_weights(mixed, Y[rows], folds[rows])
    straight = prediction.sample_weights(Q, Y, folds)
    np.testing.assert_allclose(weights, straight[0][columns], atol=1e-10)
    np.testing.assert_allclose(shares, straight[1][columns], atol=1e-10)


def test_what_does_not_vary_is_neither_found_nor_fatal():
    Q, _ = draw(np.random.default_rng(10))
    folds, flat = prediction.split_groups(FAMILY), np.full((len(Q), 1), 0.1)
    nested = NestedRidge(Q @ Q.T, folds)
    np.testing.assert_allclose(nested.predict(flat), 0.1)
    assert np.isnan(nested.p_values(flat, FAMILY, MODEL, n_permutations=9, random_state=0))
    Y = np.arange(len(Q), dtype=float)[:, None]
    same = NestedRidge(np.full((len(Q), len(Q)), 3.0), folds)
    np.testing.assert_allclose(same.predict(Y), prediction.training_means(Y, folds))
    duplicates = np.repeat(Q[::2], 2, axis=0)[: len(Q)]
    assert np.isfinite(NestedRidge(duplicates @ duplicates.T, folds).predict(Y)).all()


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([], "0 models have a score; at least 4 needed"),
        ([0, 1, 2], "3 models have a score; at least 4 needed"),
        ([0] * 9, "the models are of 1 groups by lineage and language backbone; at least 3 needed"),
        ([0, 0, 1, 1], "the models are of 2 groups by lineage .*; at least 3 needed"),
    ],
)
def test_too_few_to_hold_any_out(groups, reason):
    with pytest.raises(Unpredictable, match=reason):
        prediction.split_groups(np.array(groups, dtype=int))


def test_two_families_have_no_p():
    Q, Y = draw(np.random.default_rng(11))
    nested = NestedRidge(Q @ Q.T, prediction.split_groups(FAMILY))
    two = FAMILY > 3
    assert np.isnan(nested.p_values(Y, two, MODEL, n_permutations=9, random_state=0)).all()


# Baselines


def test_feature_baseline_is_least_squares_and_knows_what_is_missing():
    Q, Y = draw(np.random.default_rng(12))
    x, folds = Q[:, 0].copy(), prediction.split_groups(FAMILY)
    x[[0, 7, 30]] = np.nan
    predicted = prediction.predict_from_feature(x, Y, folds)
    known, means = np.isfinite(x), prediction.training_means(Y, folds)
    for fold in range(5):
        train, test = known & (folds != fold), known & (folds == fold)
        line = LinearRegression().fit(x[train, None], Y[train])
        np.testing.assert_allclose(predicted[test], line.predict(x[test, None]))
    np.testing.assert_array_equal(predicted[~known], means[~known])
    nothing = np.full(len(Q), np.nan)
    np.testing.assert_array_equal(prediction.predict_from_feature(nothing, Y, folds), means)
    constant = np.ones(len(Q))
    np.testing.assert_array_equal(prediction.predict_from_feature(constant, Y, folds), means)


def test_neighbor_baseline_looks_outside_the_fold():
    Q, Y = np.array([[0.0], [1], [10], [12], [30]]), np.arange(5.0)[:, None]
    folds = np.array([0, 0, 1, 2, 2])
    found = prediction.predict_from_neighbor(Q @ Q.T, Y, folds)
    np.testing.assert_array_equal(found[:, 0], [2, 2, 3, 2, 2])


# Leakage


def likelihoods(rng, family=FAMILY):
    """Scores of three benchmarks in different units, and the likelihood that they explain."""
    scores = rng.normal(size=(len(family), 3)) * [1, 20, 500] + [5, 50, 1000]
    return scores, scores @ [1, 0.05, 0.002] + rng.normal(0, 0.3, len(family)) - 40


def test_planted_leak_is_found():
    scores, mean = likelihoods(np.random.default_rng(13))
    mean[3] += 5
    predicted, z = prediction.predict_mean_log_likelihood(scores, mean, FAMILY)
    assert z.argmax() == 3
    assert z[3] > 6
    assert np.abs(np.delete(z, 3)).max() < 5
    assert mean[3] - predicted[3] == pytest.approx(5, abs=1.5)


def test_leak_of_a_whole_family_is_found():
    family = np.arange(60) // 4
    scores, mean = likelihoods(np.random.default_rng(14), family)
    mean[family == 2] += 5
    _, z = prediction.predict_mean_log_likelihood(scores, mean, family % 5)
    assert set(np.argsort(-z)[:4]) == set(np.flatnonzero(family == 2))


def test_units_of_benchmarks_do_not_matter():
    scores, mean = likelihoods(np.random.default_rng(15))
    straight = prediction.predict_mean_log_likelihood(scores, mean, FAMILY)
    other = prediction.predict_mean_log_likelihood(scores * [9, 1e-3, 1] + 7, mean, FAMILY)
    np.testing.assert_allclose(other, straight)
    constant = np.column_stack([scores, np.full(len(scores), 0.1)])
    np.testing.assert_allclose(
        prediction.predict_mean_log_likelihood(constant, mean, FAMILY), straight
    )


def test_likelihoods_that_do_not_vary_have_no_z():
    scores, mean = likelihoods(np.random.default_rng(16))
    predicted, z = prediction.predict_mean_log_likelihood(scores, np.full(len(mean), -3.0), FAMILY)
    np.testing.assert_allclose(predicted, -3)
    assert np.isnan(z).all()
