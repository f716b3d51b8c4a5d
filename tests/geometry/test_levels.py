"""Tests over models hold their level, whatever families, lineages and benchmarks share."""

import pytest
from levels import EFFECTS, benchmarks, correlation, partial, prediction, rates

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("effects", ["nothing", "families share", "lineages share"])
@pytest.mark.parametrize(
    ("test", "n_draws"),
    [
        (correlation, 200),
        (partial, 200),
        pytest.param(prediction, 200, marks=pytest.mark.slow),
        pytest.param(benchmarks, 200, marks=pytest.mark.slow),
    ],
)
def test_what_is_not_there_is_found_as_rarely_as_announced(test, n_draws, effects):
    found = rates(test, EFFECTS[effects], n_draws)
    naive = {name: found.pop(name) for name in ("t-test", "families alone") if name in found}
    assert max(found.values()) <= 0.05 + 2 * (0.05 * 0.95 / n_draws) ** 0.5
    if naive and effects != "nothing":  # what the test is there to replace
        assert naive["t-test"] > 0.15
    if naive and effects == "lineages share":
        assert naive["families alone"] > max(found.values())
