"""Tables of mean negative log-likelihoods held against benchmark scores."""

import math

import numpy as np
import polars as pl

from modelmap.benchmarks import MEAN, MEASURES, names_of
from modelmap.geometry.correlation import (
    Correlation,
    benjamini_hochberg,
    correlate,
    is_constant,
)
from modelmap.geometry.partial import partially_correlate
from modelmap.geometry.resampling import affordable

COVARIATES = {"log_params": "parameters", "year": "release date"}
STRATA_MEASURE = "nats_per_sample"
# Of many models fewer: n_models times as many permutations are affordable, and at least so many.
PERMUTATIONS = {"most": 2e6, "least": 999}
# columns of a row, and, of a partial correlation, how geometry calls them
ROW = dict.fromkeys(("n_models", "n_families"), pl.Int64)
ROW |= {k: pl.Float64 for k in Correlation._fields if k not in (*ROW, "p_pearson")}
ROW |= {"p": pl.Float64, "p_adjusted": pl.Float64, "n_permutations": pl.Int64}
ROW |= {"note": pl.String}
PARTIAL = {"n_models_partial": "n_models", "partial_pearson": "pearson", "partial_low": "low"}
PARTIAL |= {"partial_high": "high", "partial_spearman": "spearman", "p_partial": "p"}


def correlations(points, **how):
    """Correlate each measure with each benchmark and with their mean, and so given COVARIATES.

    Parameters
    ----------
    points : DataFrame from benchmarks.join
    **how : n_bootstrap, n_permutations, level, random_state, as `geometry.correlation` has them

    Returns
    -------
    DataFrame
        A row per benchmark and measure. `p` is Pearson's, by permutation over families and their
        lineages; `p_adjusted` is after Benjamini and Hochberg over the benchmarks, the derived mean
        left out. The partial columns are of the models whose parameters and date are told,
        n_models_partial; `note` says why where something is not to be had.
    """
    how, rows = _affordable(points, how), []
    X, Z = _columns(points, MEASURES), _columns(points, COVARIATES)
    for name in names_of(points):
        y = _columns(points, [name])[:, 0]
        found = correlate(X, y, *_labels(points), **how)
        partial = partially_correlate(X, y, Z, *_labels(points), **how)
        for measure, x, one, given in zip(MEASURES, X.T, found, partial, strict=True):
            facts = {column: getattr(given, key) for column, key in PARTIAL.items()}
            row = {"benchmark": name, "measure": measure} | _row(one, x, y, how) | facts
            row["note"] = row["note"] or _unadjusted(points.filter(np.isfinite(y)), given)
            rows.append(row)
    partial = dict.fromkeys(PARTIAL, pl.Float64) | {"n_models_partial": pl.Int64}
    return _table(rows, ["benchmark", "measure"], partial, "measure")


def by_stratum(points, losses, **how):
    """Correlate the mean loss on each stratum of the samples with each benchmark.

    Bits per byte correlate as nats per sample do: on one stratum they are the same by a constant.

    Parameters
    ----------
    points : DataFrame from benchmarks.join
    losses : DataFrame from strata.losses
    **how : as of `correlations`

    Returns
    -------
    DataFrame
        A row per stratum (as in `losses`: all samples first) and benchmark; `p_adjusted` is over
        the benchmarks of a stratum, their mean left out.
    """
    strata = losses["stratum"].unique(maintain_order=True).to_list()
    lost = {stratum: {} for stratum in strata}
    for stratum, model, value in losses.select("stratum", "model", STRATA_MEASURE).iter_rows():
        lost[stratum][model] = value
    X = [[lost[s].get(model, math.nan) for model in points["model"]] for s in strata]
    X, rows = np.array(X, dtype=float).reshape(len(strata), points.height).T, []
    how = _affordable(points, how)
    for name in names_of(points):
        y, facts = _columns(points, [name])[:, 0], {"benchmark": name, "measure": STRATA_MEASURE}
        found = correlate(X, y, *_labels(points), **how)
        rows += [
            {"stratum": s} | facts | _row(f, x, y, how)
            for s, x, f in zip(strata, X.T, found, strict=True)
        ]
    rows.sort(key=lambda row: strata.index(row["stratum"]))
    return _table(rows, ["stratum", "benchmark", "measure"], {}, "stratum")


def note(row):
    """What a figure says about one row of `correlations`."""

    if row["pearson"] is None:
        return row["note"]

    def one(symbol, name):
        value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
        interval = "" if low is None else f" [{low:.2f}, {high:.2f}]"
        return f"{symbol} = {value:.2f}{interval}".replace("-", "\u2212")

    return f"{one('r', 'pearson')}, {one('ρ', 'spearman')}, {row['n_models']} models"


def _affordable(points, how):
    n = affordable(how["n_permutations"], **PERMUTATIONS, cost=points.height)
    return how | {"n_permutations": n}


def _row(found, x, y, how):
    facts, y = found._asdict(), y[np.isfinite(x) & np.isfinite(y)]
    note = None
    if math.isnan(found.pearson):
        note = "all scores are equal" if len(y) > 3 and is_constant(y) else "all losses are equal"
        note = note if found.n_models > 3 else f"{found.n_models} models; at least 4 needed"
    elif found.n_families < 3:
        note = f"{found.n_families} families; intervals and p need at least 3"
    p = facts.pop("p_pearson")
    n = None if math.isnan(p) else how["n_permutations"]
    return facts | {"p": p, "n_permutations": n, "note": note}


def _columns(points, names):
    columns = [points[n].cast(pl.Float64).fill_null(math.nan).to_numpy() for n in names]
    return np.stack(columns, axis=1)


def _labels(points):
    return points["family"].to_list(), points["lineage"].to_list()


def _unadjusted(scored, given):
    """Why there is no partial correlation, or no p of it."""
    missing = {text: scored[column].null_count() for column, text in COVARIATES.items()}
    told = [f"{text} not told of {n} of {scored.height} models" for text, n in missing.items() if n]
    if math.isnan(given.pearson):
        return "partial: " + ("; ".join(told) or "too few models, or nothing left to correlate")
    return None if math.isfinite(given.p) else "partial: fewer than 3 families"


def _table(rows, keys, more, within):
    """The rows as a table, p adjusted over the benchmarks of each value of a column."""
    table = pl.DataFrame(rows, dict.fromkeys(keys, pl.String) | ROW | more)
    p = np.where(table["benchmark"] == MEAN, math.nan, table["p"].fill_null(math.nan))
    adjusted = np.full(table.height, math.nan)
    for value in table[within].unique():
        here = (table[within] == value).to_numpy()
        adjusted[here] = benjamini_hochberg(p[here])
    adjusted = pl.Series("p_adjusted", adjusted)
    return table.with_columns(adjusted).with_columns(pl.col(pl.Float64).fill_nan(None))
