"""What docs/uncertainty.md claims, on fewer draws."""

import pytest
from uncertainty import bits_per_byte, coverage, limit, overstatement

from modelmap.geometry.divergence import KL_LIMIT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", [1, 5])
def test_gaussian_intervals_cover(size):
    """At least 93 % of nominal 95 % from 300 groups on, and where groups are ignored fewer."""
    found, _, ignored = coverage("Gaussian", 300, size, n_draws=1000)
    assert 0.93 <= found <= 0.97
    assert (ignored == found) if size == 1 else (ignored < 0.85)


def test_heavy_tails_cost_coverage_and_cost_a_percentile_bootstrap_more():
    heavy, bootstrap, _ = coverage("t, 3 degrees of freedom", 300, 1, n_draws=1000)
    assert 0.6 < bootstrap < heavy < 0.93


def test_half_a_squared_distance_is_the_divergence_of_near_models():
    for sharpening in (0, 0.5, 1):
        assert overstatement(1e-5, sharpening)[1] == pytest.approx(1, abs=0.01)


def test_the_limit_is_where_half_sharper_models_are_a_fifth_overstated():
    assert bits_per_byte(limit(0.5)) == pytest.approx(KL_LIMIT, rel=0.15)
    assert limit(0) > 4 * limit(0.5) > 16 * limit(1)
