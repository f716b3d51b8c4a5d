"""Partial correlation: what least squares leaves, whole families the unit."""

import warnings

import numpy as np
import pytest
from scipy import stats

from modelmap.geometry.correlation import correlate
from modelmap.geometry.partial import partially_correlate

FAMILY = np.repeat(np.arange(8), [6, 5, 4, 4, 3, 2, 1, 1])
N = len(FAMILY)


def run(X, y, Z, families=FAMILY, n_bootstrap=200, n_permutations=200):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return partially_correlate(
            X if np.ndim(X) == 2 else X[:, None],
            y,
            Z,
            families,
            np.arange(len(y)),
            n_bootstrap=n_bootstrap,
            n_permutations=n_permutations,
            level=0.95,
            random_state=0,
        )


def draw(seed=0):
    """Two properties that have nothing in common but two covariates, and those."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(N, 2))
    return Z @ [3, 1] + rng.normal(size=N), Z @ [2, -1] + rng.normal(size=N), Z


def straight(x, y, Z):
    A = np.column_stack([np.ones(len(x)), Z])
    left = [v - A @ np.linalg.lstsq(A, v)[0] for v in (x, y)]
    return stats.pearsonr(*left)[0]


def test_it_is_the_correlation_of_residuals():
    x, y, Z = draw()
    (found,) = run(x, y, Z)
    assert found.pearson == pytest.approx(straight(x, y, Z))
    ranks = [stats.rankdata(v, axis=0) for v in (x, y, Z)]
    assert found.spearman == pytest.approx(straight(*ranks))
    assert found.n_models == N
    assert found.low < found.pearson < found.high


def test_what_the_covariates_explain_is_not_found_and_the_rest_is():
    x, y, Z = draw(1)
    y_like = Z @ [2, -1] - x
    plain, _ = correlate(
        np.column_stack([x, x]), Z[:, 0], FAMILY, np.arange(N),
        n_bootstrap=50, n_permutations=200, level=0.95, random_state=0,
    )  # fmt: skip
    assert plain.p_pearson < 0.05
    apart, alike = run(x, y, Z)[0], run(x, y_like, Z)[0]
    assert apart.p > 0.05
    assert apart.low < 0 < apart.high
    assert alike.pearson == pytest.approx(-1)
    assert alike.p < 0.01


def test_bootstrap_resamples_families_and_regresses_anew():
    x, y, Z = draw(2)
    (found,) = run(x, y, Z, n_bootstrap=60)
    draws = np.random.default_rng(0).multinomial(8, np.full(8, 1 / 8), size=60)
    rows = [np.repeat(np.arange(N), weights[FAMILY]) for weights in draws]
    r = [straight(x[i], y[i], Z[i]) for i in rows]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(r, [0.025, 0.975])))


def test_columns_units_and_missing_models_do_not_matter():
    x, y, Z = draw(3)
    (alone,) = run(x, y, Z)
    flat = np.full(N, 0.1)
    both = run(np.column_stack([x, flat, 9 * x - 4]), y, np.column_stack([Z * 7 + 5, flat]))
    assert both[0] == pytest.approx(alone)
    assert both[2] == pytest.approx(alone)
    assert both[1].n_models == N
    assert np.isnan(both[1][1:]).all()
    holes = np.append(Z, [[np.nan, 0.0]], axis=0)
    (same,) = run(np.append(x, 1.0), np.append(y, 2.0), holes, np.append(FAMILY, 3))
    assert same == pytest.approx(alone)


def test_ordinary_permutation_where_every_model_is_a_family():
    x, y, Z = draw(4)
    y = y + 0.5 * (x - Z @ [3, 1])
    (found,) = run(x, y, Z, np.arange(N), n_permutations=4000)
    r, df = found.pearson, N - 4
    expected = 2 * stats.t.sf(abs(r) * np.sqrt(df / (1 - r**2)), df)
    assert 0.001 < expected < 0.6
    assert found.p == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_models_are_counted_and_nothing_else(n):
    x, y, Z = (a[:n] for a in draw())
    (found,) = run(x[:, None], y, Z, FAMILY[:n])
    assert found.n_models == n
    assert np.isnan(found[1:]).all()


def test_a_covariate_itself_has_no_partial_correlation():
    _, y, Z = draw()
    (found,) = run(3 * Z[:, 0] + 1, y, Z)
    assert np.isnan(found[1:]).all()


def test_two_families_have_no_interval():
    x, y, Z = draw()
    (found,) = run(x, y, Z, FAMILY > 2)
    assert np.isfinite([found.pearson, found.spearman]).all()
    assert np.isnan([found.low, found.high, found.p]).all()
