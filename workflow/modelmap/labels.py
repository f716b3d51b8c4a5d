"""Whether models of one family, backbone, encoder or tokenizer stand together on a map."""

import math

import numpy as np
import polars as pl

from modelmap.geometry.neighbors import same_family_accuracy
from modelmap.geometry.resampling import affordable
from modelmap.geometry.silhouette import silhouettes

LABELS = ("family", "language_model", "vision_encoder", "tokenizer")
TOGETHER = {"label": pl.String, "accuracy": pl.Float64, "n_models": pl.Int64}
TOGETHER |= dict.fromkeys(("null_mean", "p"), pl.Float64)
TOGETHER |= {"n_permutations": pl.Int64, "silhouette": pl.Float64, "note": pl.String}
# Of many models fewer permutations are affordable: n_models times as many, beside what one costs
# whatever n_models is (as much as OVERHEAD models), and at least so many.
PERMUTATIONS, OVERHEAD = {"most": 4e6, "least": 999}, 1000


def labels(on, *, n_permutations):
    """How often the nearest model outside the own lineage bears the same label, by kind of label.

    Parameters
    ----------
    on : structure.Placed
    n_permutations : int, the most; see PERMUTATIONS

    Returns
    -------
    DataFrame
        label (of LABELS), accuracy, n_models (those asked: whose label occurs outside their own
        lineage), null_mean and p (labels given to lineages at random), n_permutations, silhouette
        (mean over the models asked, see geometry.silhouette), note (why numbers are missing).
        Models without a label are left out; without a family they are one of their own.
    """
    rows = [{"label": label} | _row(on, label, n_permutations) for label in LABELS]
    return pl.DataFrame(rows, TOGETHER).fill_nan(None)


def _row(on, label, n_permutations):
    values = on.families if label == "family" else [row[label] for row in on.sheet]
    have = np.array([i for i, value in enumerate(values) if value], dtype=int)
    if not have.size:
        return {"n_models": 0, "note": "told of no model"}
    values = [values[i] for i in have]
    d2, lineage = on.d2[np.ix_(have, have)], on.lineage[have]
    n_permutations = affordable(n_permutations, **PERMUTATIONS, cost=OVERHEAD + len(have))
    how = {"n_permutations": n_permutations, "random_state": 0}
    found = same_family_accuracy(d2, values, lineage, **how)
    row = {key: getattr(found, key) for key in ("accuracy", "n_models", "null_mean", "p")}
    if not found.n_models:
        return row | {"note": "no model has its label in another lineage"}
    s = silhouettes(d2, values, lineage)
    if np.isnan(s).all():
        return row | {"silhouette": math.nan, "note": "all models have the same label"}
    return row | {"n_permutations": n_permutations, "silhouette": np.nanmean(s)}
