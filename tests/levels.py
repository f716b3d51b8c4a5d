"""How often the tests over models find what is not there.

`PYTHONPATH=workflow python tests/levels.py > docs/benchmark_tests.md` publishes it.
"""

import numpy as np
from scipy import stats

from modelmap.geometry.correlation import benjamini_hochberg, correlate
from modelmap.geometry.partial import partially_correlate
from modelmap.geometry.prediction import NestedRidge, split_groups

LEVEL = 0.05
N_DRAWS = 500
HOW = {"n_permutations": 99, "random_state": 0}
RESAMPLED = HOW | {"n_bootstrap": 1, "level": 0.95}
N_BENCHMARKS, N_SAMPLES = 8, 60
# Families of one to ten models, each of lineages of one to four: 40 models
SIZES = [[4, 3, 2, 1], [4, 3], [2, 2, 1], [3, 1], [1, 1, 1], [2], [1, 1], *[[1]] * 7]
FAMILY = np.repeat(np.arange(len(SIZES)), [sum(lineages) for lineages in SIZES])
LINEAGE = np.repeat(np.arange(sum(map(len, SIZES))), [n for lineages in SIZES for n in lineages])
# Standard deviations of what clusters of families (which no test is told of), families and
# lineages share, beside 1 of each model's own
EFFECTS = {
    "nothing": (0, 0, 0),
    "families share": (0, 3, 0),
    "lineages share": (0, 0, 3),
    "families and lineages share": (0, 3, 3),
}
HIDDEN = {"clusters of families share": (3, 0, 0)}

PAGE = f"""# How often tests over models find what is not there

Made by `PYTHONPATH=workflow python tests/levels.py > docs/benchmark_tests.md`.

Models of one family are alike, and models of one lineage more so. Here are {len(FAMILY)} models of
{len(SIZES)} families of one to ten, in {LINEAGE.max() + 1} lineages. Everything drawn about them is
normal, what is shared has three times the standard deviation of what each model has of its own, and
nothing planted relates what is tested. The share of {N_DRAWS} draws with p ≤ {LEVEL} ought to be
{100 * LEVEL:.0f} %; its own standard error is 1 %.

- Correlation: of a loss and a score, by permutation over families and lineages
  (`geometry/permutation.py`). The t-test takes all models for independent; "families alone"
  exchanges family means and single models, as is right where lineages share nothing.
- Partial: both depend on two covariates, which are given, and on nothing else together.
- Prediction: ridge regression of a score on {N_SAMPLES} coordinates, lineages held out.
- Any of {N_BENCHMARKS}: the least p, adjusted after Benjamini and Hochberg, of benchmarks that
  correlate by 0.7 with each other.
"""
END = """
The last row is a limit. Its families come in five clusters of which no test is told (a laboratory's
families, say, or those of one year): p is then too small, and a cluster is to be called a family in
the sheet, or to be told by a date and so be given in a partial correlation.
"""


def draw(rng, n, effects):
    """n independent properties of the models, of shape (n_models, n)."""
    units = (FAMILY % 5, FAMILY, LINEAGE)
    shared = [e * rng.normal(size=(u.max() + 1, n))[u] for e, u in zip(effects, units, strict=True)]
    return sum(shared) + rng.normal(size=(len(FAMILY), n))


def correlation(rng, effects):
    """p values of a correlation of two properties that have nothing in common."""
    x, y = draw(rng, 1, effects), draw(rng, 1, effects)[:, 0]
    (found,) = correlate(x, y, FAMILY, LINEAGE, **RESAMPLED)
    (without,) = correlate(x, y, FAMILY, np.arange(len(y)), **RESAMPLED)
    return {
        "t-test": stats.pearsonr(x[:, 0], y).pvalue,
        "families alone": without.p_pearson,
        "Pearson": found.p_pearson,
        "Spearman": found.p_spearman,
    }


def partial(rng, effects):
    """p of a partial correlation of two properties that share but the covariates."""
    x, y, Z = draw(rng, 1, effects), draw(rng, 1, effects)[:, 0], draw(rng, 2, effects)
    x, y = x + Z.sum(axis=1, keepdims=True), y + Z[:, 0] - Z[:, 1]
    (found,) = partially_correlate(x, y, Z, FAMILY, LINEAGE, **RESAMPLED)
    return {"partial": found.p}


def prediction(rng, effects):
    """p of predicting, from coordinates, a score that they do not know of."""
    Q, y = draw(rng, N_SAMPLES, effects), draw(rng, 1, effects)
    nested = NestedRidge(Q @ Q.T, split_groups(LINEAGE))
    return {"prediction": nested.p_values(y, FAMILY, LINEAGE, **HOW)[0]}


def benchmarks(rng, effects):
    """The least adjusted p over benchmarks that are alike, and none like the loss."""
    common, own = draw(rng, 1, effects), draw(rng, N_BENCHMARKS, effects)
    scores, x = np.sqrt(0.7) * common + np.sqrt(0.3) * own, draw(rng, 1, effects)
    p = [correlate(x, y, FAMILY, LINEAGE, **RESAMPLED)[0].p_pearson for y in scores.T]
    return {f"any of {N_BENCHMARKS}": benjamini_hochberg(p).min()}


TESTS = (correlation, partial, prediction, benchmarks)


def rates(test, effects, n_draws):
    """How often each p of a test is at most LEVEL, by name."""
    rng = np.random.default_rng(1)
    found = [test(rng, effects) for _ in range(n_draws)]
    return {name: float(np.mean([p[name] <= LEVEL for p in found])) for name in found[0]}


def table():
    """The rates of all tests under all effects, in Markdown."""
    rows = {
        name: {k: v for test in TESTS for k, v in rates(test, effects, N_DRAWS).items()}
        for name, effects in (EFFECTS | HIDDEN).items()
    }
    heads = ["", *next(iter(rows.values()))]
    lines = [heads, ["---"] * len(heads)]
    lines += [[name, *(f"{100 * x:.1f} %" for x in row.values())] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(PAGE)
    print(table())
    print(END, end="")
