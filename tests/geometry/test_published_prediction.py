"""The published protocol equals a straight implementation of it with scikit-learn."""

import warnings

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, KFold

from modelmap.geometry.prediction import Unpredictable
from modelmap.geometry.published_prediction import oyama2025, pearson, spearman

pytestmark = pytest.mark.slow


def straight(L, scores, mean, families, names, split):
    """Written from the published description, scikit-learn in every step."""
    targets = np.column_stack([scores, mean])
    complete = [i for i in range(len(names)) if np.isfinite(targets[i]).all()]
    rows = sorted(complete, key=lambda i: names[i])
    L, targets, families = L[rows], targets[rows], np.array(families)[rows]
    Xi = L - L.mean(axis=1, keepdims=True)
    Q = Xi - Xi.mean(axis=0)
    runs, r, rho = [], [], []
    for seed in range(5):
        kind = GroupKFold if split == "family" else KFold
        predicted = np.empty_like(targets)
        outer = kind(n_splits=5, shuffle=True, random_state=seed)
        groups = {"groups": families} if split == "family" else {}
        for train, test in outer.split(Q, **groups):
            for i, target in enumerate(targets.T):
                is_mean = i == targets.shape[1] - 1
                alphas = [10**k for k in (range(-4, 5) if is_mean else range(1, 10))]
                fit = RidgeCV(alphas=alphas, cv=5).fit(Q[train], target[train])
                found = fit.predict(Q[test])
                predicted[test, i] = found if is_mean else np.clip(found, 0, 100)
        runs.append(predicted)
        r.append([pearsonr(*pair)[0] for pair in zip(targets.T, predicted.T, strict=True)])
        rho.append([spearmanr(*pair)[0] for pair in zip(targets.T, predicted.T, strict=True)])
    average = np.mean(runs, axis=0)
    return rows, r, rho, average, pearsonr(targets[:, 0], average[:, 0])[0]


@pytest.fixture
def models():
    """Log-likelihoods that scores depend on, some of them near the ends of the scale."""
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(9), [9, 8, 6, 5, 4, 4, 2, 1, 1])
    L = 8 * rng.normal(size=(9, 120))[family] + 4 * rng.normal(size=(40, 120)) - 300
    Q = L - L.mean(axis=1, keepdims=True)
    weights = rng.normal(size=(120, 2))
    scores = 50 + Q @ weights * [0.1, 0.5] + rng.normal(size=(40, 2)) * 3
    scores = np.clip(scores, 0, 100)
    scores[4, 1] = np.nan
    names = [f"model-{i:02d}" for i in rng.permutation(40)]
    return L, scores, L.mean(axis=1), [f"family {i}" for i in family], names


def run(L, scores, mean, families, names, split):
    Q = L - L.mean(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return oyama2025(Q @ Q.T, scores, mean, families, names, split=split)


@pytest.mark.parametrize("split", ["family", "model"])
def test_values_are_those_of_a_straight_implementation(models, split):
    found = run(*models, split)
    rows, r, rho, average, r_averaged = straight(*models, split)
    assert len(rows) == 39
    np.testing.assert_allclose(found.pearson, r, rtol=1e-6)
    np.testing.assert_allclose(found.spearman, rho, atol=1e-3)  # a tie to rounding may turn
    np.testing.assert_allclose(found.predicted[rows], average, rtol=1e-6)
    assert found.pearson_averaged[0] == pytest.approx(r_averaged)
    assert np.flatnonzero(np.isnan(found.predicted).any(axis=1)).tolist() == [4]
    assert found.predicted[rows, :2].min() >= 0
    assert found.predicted[rows, :2].max() <= 100
    assert found.predicted[rows, 2].max() < 0


def test_the_order_of_models_changes_nothing(models):
    order = np.random.default_rng(1).permutation(40)
    L, scores, mean, families, names = models
    mixed = L[order], scores[order], mean[order]
    mixed = [*mixed, [families[i] for i in order], [names[i] for i in order]]
    straight, found = run(*models, "model"), run(*mixed, "model")
    np.testing.assert_allclose(found.pearson, straight.pearson)
    np.testing.assert_allclose(found.predicted, straight.predicted[order])


@pytest.mark.parametrize(
    ("n", "n_families", "split", "reason"),
    [
        (40, 4, "family", "4 families have all scores; at least 5 needed"),
        (4, 4, "model", "4 models have all scores; at least 5 needed"),
        (0, 1, "model", "0 models have all scores; at least 5 needed"),
        (12, 12, "model", "9 models are left to train on in a fold; at least 10 needed"),
    ],
)
def test_too_few_for_the_protocol(models, n, n_families, split, reason):
    L, scores, mean, _, names = models
    scores = np.full_like(scores, 7.0)
    families = [f"family {i % n_families}" for i in range(40)]
    with pytest.raises(Unpredictable, match=reason):
        run(L[:n], scores[:n], mean[:n], families[:n], names[:n], split)


def test_correlations_are_those_of_scipy_and_absent_of_constants():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 20, 3)).round(1)
    for own, other in ((pearson, pearsonr), (spearman, spearmanr)):
        found = own(a, b)
        expected = [other(*pair)[0] for pair in zip(a.T, b.T, strict=True)]
        np.testing.assert_allclose(found, expected)
        assert np.isnan(own(np.full((20, 1), 0.1), a[:, :1]))
        assert np.isnan(own(a[:, :1], np.zeros((20, 1))))
