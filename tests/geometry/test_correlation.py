import warnings

import numpy as np
import pytest
from scipy import stats

from modelmap.geometry.correlation import benjamini_hochberg, correlate

SIZES = [10, 7, 5, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1]


def run(x, y, families, n_bootstrap=400, n_permutations=400):
    """Correlate one column; every model is a lineage of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = correlate(
            np.reshape(x, (-1, 1)),
            y,
            families,
            np.arange(len(families)),
            n_bootstrap=n_bootstrap,
            n_permutations=n_permutations,
            level=0.95,
            random_state=0,
        )
    return found


def draw(rng, family, effect, r=0.0):
    """Two properties with family effects of standard deviation `effect`, correlated by r."""
    n_families = family.max() + 1
    shared = rng.normal(size=(2, n_families))[:, family] * effect + rng.normal(
        size=(2, len(family))
    )
    return shared[0], r * shared[0] + np.sqrt(1 - r**2) * shared[1]


def test_coefficients_are_those_of_scipy():
    rng = np.random.default_rng(0)
    family = np.repeat(np.arange(6), 4)
    x, y = draw(rng, family, 1, r=0.5)
    y = np.round(y)  # ties
    result = run(x, y, family)
    assert result.pearson == pytest.approx(stats.pearsonr(x, y)[0])
    assert result.spearman == pytest.approx(stats.spearmanr(x, y)[0])
    assert (result.n_models, result.n_families) == (24, 6)
    assert result.pearson_low < result.pearson < result.pearson_high
    assert result.spearman_low < result.spearman < result.spearman_high


def test_within_and_between_families():
    family = np.repeat(np.arange(5), 5)
    rng = np.random.default_rng(1)
    means, deviations = rng.normal(size=5), np.tile(np.linspace(-1, 1, 5), 5)
    result = run(means[family] + deviations, 2 * means[family] - deviations, family)
    assert result.pearson_between == pytest.approx(1)
    assert result.pearson_within == pytest.approx(-1)


def test_bootstrap_resamples_families_and_ranks_anew():
    """The weighted formulas equal correlations of resamples written out."""
    family = np.repeat(np.arange(4), [1, 2, 3, 4])
    x, y = draw(np.random.default_rng(2), family, 1, r=0.3)
    y = np.round(y)
    result = run(x, y, family, n_bootstrap=200)
    draws = np.random.default_rng(0).multinomial(4, np.full(4, 1 / 4), size=200)
    pearson, spearman = [], []
    for weights in draws:
        rows = np.repeat(np.arange(10), weights[family])
        if np.ptp(x[rows]) and np.ptp(y[rows]):
            pearson.append(stats.pearsonr(x[rows], y[rows])[0])
            spearman.append(stats.spearmanr(x[rows], y[rows])[0])
    expected = [*np.quantile(pearson, [0.025, 0.975]), *np.quantile(spearman, [0.025, 0.975])]
    ends = (result.pearson_low, result.pearson_high, result.spearman_low, result.spearman_high)
    assert ends == pytest.approx(expected)


def test_models_alone_in_their_families_give_the_ordinary_tests():
    x, y = draw(np.random.default_rng(3), np.arange(30), 0, r=0.35)
    result = run(x, y, np.arange(30), n_permutations=5000)
    assert result.p_pearson == pytest.approx(stats.pearsonr(x, y)[1], abs=0.015)
    assert result.p_spearman == pytest.approx(stats.spearmanr(x, y)[1], abs=0.015)
    assert 0.01 < result.p_pearson < 0.5
    assert np.isnan(result.pearson_within)
    assert result.pearson_between == pytest.approx(result.pearson)


def test_columns_do_not_know_of_each_other():
    family = np.repeat(np.arange(6), 4)
    x, y = draw(np.random.default_rng(4), family, 1, r=0.4)
    X = np.column_stack([x, np.full(24, 0.1), -(y**3)])
    how = {"n_bootstrap": 50, "n_permutations": 50, "level": 0.95, "random_state": 0}
    found = correlate(X, y, family, np.arange(24), **how)
    assert found[0] == pytest.approx(run(x, y, family, 50, 50))
    assert found[2] == pytest.approx(run(-(y**3), y, family, 50, 50))
    assert found[1][:2] == (24, 6)
    assert np.isnan(found[1][2:]).all()


def test_real_correlation_is_found():
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(len(SIZES)), SIZES)
    result = run(*draw(rng, family, 1, r=0.9), family)
    assert result.p_pearson < 0.02
    assert result.p_spearman < 0.02
    assert result.pearson_low > 0.5


def test_exact_dependence():
    x = np.arange(12.0)
    result = run(x, -np.exp(x / 4), np.arange(12) // 2)
    spearman = (result.spearman, result.spearman_low, result.spearman_high)
    assert spearman == pytest.approx((-1, -1, -1))
    assert -0.99 < result.pearson < 0


def test_unit_and_order_do_not_matter():
    family = np.repeat(np.arange(5), 4)
    x, y = draw(np.random.default_rng(6), family, 1, r=0.5)
    order = np.random.default_rng(7).permutation(20)
    straight, mixed = run(x, y, family), run(100 * x[order] + 7, -y[order], family[order])
    assert mixed.pearson == pytest.approx(-straight.pearson)
    assert mixed.pearson_low == pytest.approx(-straight.pearson_high)
    assert mixed.spearman_high == pytest.approx(-straight.spearman_low)
    assert mixed.p_pearson == pytest.approx(straight.p_pearson, abs=0.1)


def test_missing_pairs_are_left_out():
    family = np.array(list("aabbccddee"))
    x, y = draw(np.random.default_rng(8), np.arange(10) // 2, 1)
    with_holes = run(np.r_[x, np.nan, 1.0], np.r_[y, 0.5, np.nan], np.r_[family, ["e", "f"]])
    assert with_holes == run(x, y, family)


def test_a_column_that_some_models_lack_costs_the_others_nothing():
    family = np.repeat(np.arange(6), 4)
    x, y = draw(np.random.default_rng(8), family, 1, r=0.4)
    holes, nothing = np.where(np.arange(24) == 7, np.nan, x), np.full(24, np.nan)
    how = {"n_bootstrap": 50, "n_permutations": 50, "level": 0.95, "random_state": 0}
    found = correlate(np.column_stack([holes, x, nothing]), y, family, np.arange(24), **how)
    assert found[1] == pytest.approx(run(x, y, family, 50, 50))
    assert found[0] == pytest.approx(run(holes, y, family, 50, 50))
    assert [one.n_models for one in found] == [23, 24, 0]
    assert np.isnan(found[2][2:]).all()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([1.0, 2, 3], [2.0, 1, 3]),
        ([0.1] * 6, [1.0, 2, 3, 4, 5, 7]),
        ([1.0, 2, 3, 4, 5, 7], [0.0] * 6),
        ([1.0, np.nan, 3, np.nan], [1.0, 2, 3, 4]),
        ([], []),
    ],
)
def test_what_cannot_be_known_is_nan(x, y):
    result = run(x, y, [f"family{i}" for i in range(len(x))])
    assert result.n_models == result.n_families == np.sum(np.isfinite(x) & np.isfinite(y))
    assert np.isnan(result[2:]).all()


def test_two_families_have_no_interval():
    result = run([1.0, 2, 3, 5], [1.0, 3, 2, 5], ["a", "a", "b", "b"])
    assert result.pearson > 0.5
    assert np.isnan([result.pearson_low, result.spearman_high, result.p_pearson]).all()


def test_resamples_without_variance_are_left_out():
    result = run([0.0, 0, 0, 0, 1, 2], [0.0, 0, 0, 0, 3, 1], list("aabbcc"))
    assert np.isfinite([result.pearson_low, result.spearman_high, result.p_pearson]).all()


def test_benjamini_hochberg_ignores_what_was_not_tested():
    p = np.array([0.01, np.nan, 0.04, 0.03, np.nan])
    np.testing.assert_allclose(benjamini_hochberg(p), [0.03, np.nan, 0.04, 0.04, np.nan])
    assert np.isnan(p[1])
    assert p[0] == 0.01
    assert np.isnan(benjamini_hochberg([np.nan, np.nan])).all()
