"""Tables about benchmark scores as the coordinates predict them, and about what they do not."""

import math
from typing import NamedTuple

import numpy as np
import polars as pl

from modelmap.benchmarks import MEAN, names_of
from modelmap.geometry import prediction
from modelmap.geometry.correlation import benjamini_hochberg
from modelmap.geometry.prediction import Unpredictable
from modelmap.geometry.published_prediction import oyama2025, pearson, spearman
from modelmap.geometry.resampling import affordable
from modelmap.metadata import parents

COORDINATES = "coordinates"
MEAN_LOG_LIKELIHOOD = "mean log-likelihood"
MEAN_NLL = "mean negative log-likelihood (nats per sample)"
FEATURES = {
    MEAN_LOG_LIKELIHOOD: "nats_per_sample",
    "log parameters": "log_params",
    "release date": "year",
}
CONSTANT = "the scores, or all predictions, are equal"
STRONGEST = 20
# Of many models fewer: n_models² times as many permutations are affordable, and at least so many.
PERMUTATIONS = {"most": 3e8, "least": 199}

SUMMARY = dict.fromkeys(("protocol", "benchmark", "predictor", "folds"), pl.String)
SUMMARY |= dict.fromkeys(("n_models", "n_families", "n_groups"), pl.Int64)
SUMMARY |= dict.fromkeys(("r2", "mae", "p", "p_adjusted", "pearson", "pearson_std"), pl.Float64)
SUMMARY |= dict.fromkeys(("spearman", "spearman_std"), pl.Float64)
SUMMARY |= dict.fromkeys(("pearson_averaged", "spearman_averaged"), pl.Float64)
SUMMARY |= {"n_permutations": pl.Int64, "note": pl.String}
PREDICTED = dict.fromkeys(("benchmark", "model", "family", "held_out_with"), pl.String)
PREDICTED |= dict.fromkeys(("score", "predicted"), pl.Float64)
LEAKAGE = dict.fromkeys(("model", "family"), pl.String)
LEAKAGE |= dict.fromkeys(("nats_per_sample", "predicted", "z"), pl.Float64) | {"note": pl.String}
SAMPLES = {"benchmark": pl.String, "rank": pl.Int64, "sample_id": pl.String, "stratum": pl.String}
SAMPLES |= {"weight": pl.Float64, "share": pl.Float64, "note": pl.String}


class Case(NamedTuple):
    """The models that have coordinates and a score, by name, and what is known of them."""

    models: pl.DataFrame  # held_out_with, and the columns of benchmarks.join
    Q: np.ndarray  # (n_models, n_samples), nats
    benchmarks: list

    def of(self, keep):
        """The same of some models, a bool array."""
        return Case(self.models.filter(keep), self.Q[keep], self.benchmarks)

    def scores(self, names):
        """Columns as an array of shape (n_models, n_columns), NaN where missing."""
        columns = [self.models[n].cast(pl.Float64).fill_null(math.nan).to_numpy() for n in names]
        return np.array(columns).reshape(len(names), -1).T

    def groups(self):
        """Codes of `held_out_with`, shape (n_models,)."""
        return np.unique(self.models["held_out_with"].to_numpy(), return_inverse=True)[1]


def arrange(points, names, Q, metadata):
    """Put scores, coordinates and metadata side by side.

    Parameters
    ----------
    points : DataFrame from benchmarks.join
    names : list of str, the models of the rows of Q
    Q : ndarray of shape (n_models, n_samples), nats
    metadata : list of dict: model, family, parent (names, comma-separated), language_model; of the
        whole sheet, as lineages pass through models that have no score

    Returns
    -------
    Case
        `held_out_with` is the first model, by name, of those of the same lineage or language
        backbone; where no backbone is told, the family stands for it.
    """
    sheet = sorted(metadata, key=lambda row: row["model"])
    index = [row["model"] for row in sheet]
    backbones = [
        f"backbone {row['language_model']}"
        if row["language_model"]
        else f"family {row['family'] or row['model']}"
        for row in sheet
    ]
    groups = prediction.groups_to_hold_out(parents(index, sheet), backbones)
    held = {"model": index, "held_out_with": [index[np.argmax(groups == g)] for g in groups]}
    held = pl.DataFrame(held, dict.fromkeys(held, pl.String))
    row_of = {name: i for i, name in enumerate(names)}
    models = points.filter(pl.col("model").is_in(names)).join(held, on="model").sort("model")
    return Case(models, Q[[row_of[name] for name in models["model"]]], names_of(points))


def predict(case, *, protocol, n_permutations, random_state):
    """Predict every benchmark from the coordinates.

    Parameters
    ----------
    case : Case
    protocol : str
        "default" or "oyama2025".
    n_permutations, random_state : int
        Of the default's p values; the most, see PERMUTATIONS.

    Returns
    -------
    summary : DataFrame
        A row per benchmark and predictor; without numbers, and a note why, where there are too few
        models. `p_adjusted` is after Benjamini and Hochberg over the benchmarks, without their
        mean.
    predicted : DataFrame
        A row per model and benchmark: its score and the prediction without it.
    """
    if protocol == "oyama2025":
        return _published(case)
    parts = [_strict(some, names, n_permutations, random_state) for names, some in _by_models(case)]
    facts = {"protocol": protocol, "folds": "lineage and backbone"}
    rows = [facts | row for part, _ in parts for row in part]
    return _summary(case, rows), _stacked([table for _, tables in parts for table in tables])


def strongest_samples(case, samples):
    """The samples of largest weight in a fit of each benchmark to all models.

    Parameters
    ----------
    case : Case
    samples : DataFrame with sample_id and stratum, of the columns of Q

    Returns
    -------
    DataFrame: benchmark, rank, sample_id, stratum, weight (points per nat), share (of the variance
    of the fitted scores; of all samples it sums to one), note (why there is none)
    """
    tables = {}
    for names, some in _by_models(case):
        try:
            folds = prediction.split_groups(some.groups())
        except Unpredictable as reason:
            tables |= {n: pl.DataFrame([{"benchmark": n, "note": str(reason)}]) for n in names}
            continue
        weights, shares = prediction.sample_weights(some.Q, some.scores(names), folds)
        for name, weight, share in zip(names, weights.T, shares.T, strict=True):
            order = np.lexsort([samples["sample_id"].to_numpy(), -np.abs(weight)])[:STRONGEST]
            tables[name] = samples[order].select(
                pl.lit(name).alias("benchmark"),
                pl.Series("rank", np.arange(1, len(order) + 1)),
                "sample_id",
                "stratum",
                pl.Series("weight", weight[order]),
                pl.Series("share", share[order]).fill_nan(None),
            )
    found = [tables[name] for name in case.benchmarks if name in tables]
    return pl.concat([pl.DataFrame(schema=SAMPLES), *found], how="diagonal_relaxed")


def leakage(case):
    """Mean negative log-likelihood beside what the benchmark scores predict, lowest first.

    Returns
    -------
    DataFrame: model, family, nats_per_sample, predicted, z (positive: more likely than predicted;
    see geometry.prediction.predict_mean_log_likelihood), note (why there is none). A list, no
    verdict: a model may know the samples, or be worse at benchmarks than at texts.
    """
    names = [name for name in case.benchmarks if name != MEAN]
    columns = ["model", "family", "nats_per_sample"]
    complete = np.isfinite(case.scores(names)).all(axis=1)
    some, others = case.of(complete), case.models.filter(~complete).select(columns)
    others = others.with_columns(note=pl.lit("lacks a score"))
    table = some.models.select(columns)
    try:
        folds = prediction.split_groups(some.groups())
    except Unpredictable as reason:
        rest = pl.concat([table.with_columns(note=pl.lit(str(reason))), others])
        rest = rest if rest.height else pl.DataFrame([{"note": str(reason)}])
        return pl.concat([pl.DataFrame(schema=LEAKAGE), rest], how="diagonal_relaxed")
    nll = table["nats_per_sample"].to_numpy()
    values, z = prediction.predict_mean_log_likelihood(some.scores(names), -nll, folds)
    table = table.with_columns(
        predicted=pl.Series(-values),
        z=pl.Series(z).fill_nan(None),
        note=None if np.isfinite(z).all() else pl.lit("most are predicted exactly: no scale for z"),
    )
    table = table.sort("z", descending=True, nulls_last=True)
    return pl.concat([pl.DataFrame(schema=LEAKAGE), table, others], how="diagonal_relaxed")


def panels(summary):
    """Each benchmark, and what a figure says about its prediction from the coordinates."""
    shown = summary.filter(pl.col("predictor") == COORDINATES, pl.col("folds") != "model")
    return [(row["benchmark"], _told(row)) for row in shown.iter_rows(named=True)]


def leakage_panel(table):
    """What a figure draws of `leakage`: columns as of predicted scores, and its one panel."""
    known = table.filter(pl.col("predicted").is_not_null())
    points = known.select(
        pl.lit(MEAN_NLL).alias("benchmark"), "model", "predicted", score="nats_per_sample"
    )
    text = "above the line: likelier than scores predict" if known.height else table["note"][0]
    return points, [(MEAN_NLL, text)]


def _told(row):
    if row["note"] is not None:
        return row["note"]
    if row["protocol"] == "oyama2025":
        pairs = (("r", "pearson"), ("ρ", "spearman"))
        parts = [f"{symbol} = {row[n]:.2f} ± {row[f'{n}_std']:.2f}" for symbol, n in pairs]
    else:
        parts = [f"R² = {row['r2']:.2f}", f"MAE {row['mae']:.2g}"]
        parts += [] if row["p"] is None else [f"p = {row['p']:.2g}"]
    return ", ".join(parts).replace("-", "\u2212")


def _by_models(case):
    """Benchmarks that the same models have scores of, together, with those models."""
    scores = np.isfinite(case.scores(case.benchmarks))
    together = {}
    for name, has in zip(case.benchmarks, scores.T, strict=True):
        together.setdefault(has.tobytes(), (has, []))[1].append(name)
    return [(names, case.of(has)) for has, names in together.values()]


def _counts(case):
    counted = {"n_models": "model", "n_families": "family", "n_groups": "held_out_with"}
    return {key: case.models[column].n_unique() for key, column in counted.items()}


def _strict(case, names, n_permutations, random_state):
    """Rows of the summary, and tables of predictions, of benchmarks that these models all have."""
    facts = _counts(case)
    try:
        folds = prediction.split_groups(case.groups())
    except Unpredictable as reason:
        empty = facts | {"predictor": COORDINATES, "note": str(reason)}
        return [empty | {"benchmark": name} for name in names], []
    Y, G = case.scores(names), case.Q @ case.Q.T
    nested = prediction.NestedRidge(G, folds)
    n_permutations = affordable(n_permutations, **PERMUTATIONS, cost=len(G) ** 2)
    how = {"n_permutations": n_permutations, "random_state": random_state}
    p = nested.p_values(Y, *(case.models[c].to_list() for c in ("family", "lineage")), **how)
    rows, predicted = [], {COORDINATES: nested.predict(Y), **_baselines(case, G, Y, folds)}
    for predictor, values in predicted.items():
        r2, error = prediction.r2(Y, values, folds), np.abs(Y - values).mean(axis=0)
        missing = _missing(case, predictor)
        for i, name in enumerate(names):
            row = {"benchmark": name, "predictor": predictor, "r2": r2[i], "mae": error[i]}
            if predictor == COORDINATES and np.isfinite(p[i]):
                row |= {"p": p[i], "n_permutations": n_permutations}
            row["note"] = missing if np.isfinite(r2[i]) else CONSTANT
            rows.append(facts | row)
    absent = [predictor for predictor in FEATURES if predictor not in predicted]
    nothing = facts | {"note": "told of none of the models"}
    rows += [nothing | {"benchmark": n, "predictor": p} for n in names for p in absent]
    columns = predicted[COORDINATES].T
    return rows, [_predicted(case, name, y) for name, y in zip(names, columns, strict=True)]


def _baselines(case, G, Y, folds):
    features = {
        predictor: prediction.predict_from_feature(case.scores([column])[:, 0], Y, folds)
        for predictor, column in FEATURES.items()
        if case.models[column].is_not_null().any()
    }
    means = {"training mean": prediction.training_means(Y, folds)}
    return means | features | {"nearest neighbor": prediction.predict_from_neighbor(G, Y, folds)}


def _missing(case, predictor):
    column = FEATURES.get(predictor)
    n = case.models[column].null_count() if column else 0
    return f"not told of {n} models: their training mean" if n else None


def _summary(case, rows):
    table = pl.DataFrame(rows, SUMMARY).with_columns(pl.col(pl.Float64).fill_nan(None))
    p = table["p"].fill_null(math.nan).to_numpy()
    p = np.where(table["benchmark"].to_numpy() == MEAN, math.nan, p)
    table = table.with_columns(p_adjusted=pl.Series(benjamini_hochberg(p)).fill_nan(None))
    place = {name: i for i, name in enumerate([*case.benchmarks, MEAN_LOG_LIKELIHOOD])}
    order = pl.col("benchmark").replace_strict(place, return_dtype=pl.Int64)
    return table.sort(order, maintain_order=True)


def _predicted(case, name, values, score=None):
    score = pl.col(name).cast(pl.Float64) if score is None else score
    return case.models.select(
        pl.lit(name).alias("benchmark"),
        "model",
        "family",
        "held_out_with",
        score=score,
        predicted=pl.Series(values),
    )


def _stacked(tables):
    return pl.concat([pl.DataFrame(schema=PREDICTED), *tables])


def _published(case):
    """The same by the published protocol; mean log-likelihood is a target, and a baseline."""
    own = case.scores(case.benchmarks)
    some = case.of(np.isfinite(own).all(axis=1) & (own.shape[1] > 0))
    own, log_likelihood = some.scores(case.benchmarks), -some.scores(["nats_per_sample"])[:, 0]
    targets = [*case.benchmarks, MEAN_LOG_LIKELIHOOD]
    Y, names = np.column_stack([own, log_likelihood]), some.models["model"].to_list()
    facts = {"protocol": "oyama2025", **_counts(some)}
    families, G = some.models["family"].to_list(), some.Q @ some.Q.T
    rows, predicted = [], []
    for split in ("family", "model"):
        here = facts | {"predictor": COORDINATES, "folds": split}
        try:
            found = oyama2025(G, own, log_likelihood, families, names, split=split)
        except Unpredictable as reason:
            rows += [here | {"benchmark": name, "note": str(reason)} for name in targets]
            continue
        rows += [here | row for row in _correlations(targets, found)]
        if split == "family":
            score = [pl.Series(column) for column in Y.T]
            predicted = [
                _predicted(some, name, found.predicted[:, i], score[i])
                for i, name in enumerate(targets)
            ]
    if len(Y) > 1:
        baseline = np.repeat(log_likelihood[:, None], len(targets), axis=1)
        r, rho = pearson(Y, baseline), spearman(Y, baseline)
        rows += [
            facts
            | {"benchmark": name, "predictor": MEAN_LOG_LIKELIHOOD}
            | {"pearson": r[i], "spearman": rho[i]}
            for i, name in enumerate(targets[:-1])
        ]
    return _summary(case, rows), _stacked(predicted)


def _correlations(targets, found):
    for i, name in enumerate(targets):
        row = {"benchmark": name}
        for kind in ("pearson", "spearman"):
            values = getattr(found, kind)[:, i]
            row |= {kind: values.mean(), f"{kind}_std": values.std()}
            row[f"{kind}_averaged"] = getattr(found, f"{kind}_averaged")[i]
        yield row if np.isfinite(row["pearson"]) else row | {"note": CONSTANT}
