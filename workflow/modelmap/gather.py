"""The scores of all models on a dataset, side by side."""

import math
from typing import NamedTuple

import numpy as np
import polars as pl

from modelmap.blocks import GAPS
from modelmap.geometry import information
from modelmap.geometry.centering import complete
from modelmap.geometry.divergence import mean_interval

NOISE = ("noise_nats2", "prompt_nats2")
MAX_MISSING = 0.02  # a model that misses a larger share of the samples is left out

STATUS = {
    "model": pl.String,
    "dataset": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "samples_ok": pl.Int64,
    "samples_missing": pl.Int64,
    "seconds": pl.Float64,
    "peak_memory": pl.Int64,  # bytes
    "peak_device_memory": pl.Int64,  # bytes
    "repo": pl.String,
    "commit": pl.String,
    "dtype": pl.String,
    "attention": pl.String,
    "device": pl.String,
}


class Incomplete(ValueError):
    """Too little is left to make what was asked for."""


class Rows(NamedTuple):
    """Log-likelihoods that are not scored here: of a matrix of others, or of a frozen map."""

    names: list
    L: np.ndarray  # (n_models, n_samples), nats, NaN where missing
    sample_ids: list  # of its columns
    facts: dict  # model -> columns of tables.MATRIX_MODELS that L alone does not tell


class Gathered(NamedTuple):
    """What tables.MATRIX (names and L), MATRIX_SAMPLES and MATRIX_MODELS hold."""

    names: list
    L: np.ndarray  # (n_models, n_samples), nats, NaN where missing
    samples: pl.DataFrame
    models: list


def weighted(samples, subset, n_samples):
    """Give the samples of a dataset that is a subset their weights, for `gather` and `informed`.

    Parameters
    ----------
    samples : DataFrame of tables.SAMPLES; of a matrix of others, those of the whole
    subset : DataFrame of tables.SUBSET, of these samples
    n_samples : int, how many the whole has

    Returns
    -------
    DataFrame of the subset's samples with a column weight, such that a mean over them of what is
    multiplied by its square is, on average over draws, the mean over the whole

    Raises
    ------
    Incomplete
        If a sample of the subset is none of these.
    """
    missing = subset.join(samples, on="sample_id", how="anti")["sample_id"]
    if subset.is_empty() or len(missing):
        said = f'the first that is none of them is "{missing[0]}"' if len(missing) else "no sample"
        raise Incomplete(
            f"the dataset's subset has {len(missing)} of {subset.height} samples that are not "
            f"among the dataset's {samples.height}: {said}"
        )
    scale = math.sqrt(subset.height / n_samples)
    weights = subset.select("sample_id", weight=pl.col("weight") * scale)
    return samples.join(weights, on="sample_id", maintain_order="left")


def gather(samples, scores, *, noise, level, rows=None):
    """Put scores side by side, whatever their order, and decide which cells count.

    Models that miss too many samples are left out first, then the samples that a remaining model
    misses. A model without any score is in no table.

    Parameters
    ----------
    samples : DataFrame of tables.SAMPLES, or its columns sample_id, group, n_bytes and stratum;
        of a subset also weight, see `weighted`
    scores : dict of model to its rows, see tables.read_scores
    noise : dict of model to the list of what scoring.noise found in each shard
    level : of the interval of the image gap
    rows : Rows that hold all these samples, or None; they count, not scores, where there are both

    Returns
    -------
    Gathered

    Raises
    ------
    Incomplete
        If models are kept, but no sample.
    """
    given = set(rows.names) if rows else set()
    scores = {m: frame for m, frame in scores.items() if frame.height and m not in given}
    names, ids = sorted(scores), samples["sample_id"]
    L = cells([scores[name] for name in names], ids, variant="given")
    names, L = _beside(names, L, ids, rows) if rows else (names, L)
    kept, complete_samples = complete(L, max_missing=MAX_MISSING)
    if kept.any() and not complete_samples.any():
        raise Incomplete(
            f"no sample has a score from all {kept.sum()} models: each misses at most "
            f"{MAX_MISSING:.0%}, but together they miss all; see results/status.tsv"
        )
    models = _summary(names, L, scores, samples, kept, complete_samples, level)
    for row in models:
        if row["model"] in scores:
            row |= _of_scores(scores[row["model"]], noise[row["model"]], samples)
        else:
            row |= rows.facts.get(row["model"], {})
    return Gathered(names, L, _sample_table(samples, complete_samples), models)


def cells(frames, sample_ids, *, variant, column="log_likelihood"):
    """One row of numbers per model, in the order of `sample_ids`; NaN where not ok.

    Parameters
    ----------
    frames : list of DataFrame, the scores of one model each
    column : log_likelihood or n_tokens

    Returns
    -------
    ndarray of shape (n_models, n_samples), float64
    """
    order = pl.DataFrame({"sample_id": sample_ids})
    wanted = (pl.col("variant") == variant) & (pl.col("status") == "ok")
    rows = [
        order.join(frame.filter(wanted), on="sample_id", how="left", maintain_order="left")[column]
        .cast(pl.Float64)
        .fill_null(math.nan)
        for frame in frames
    ]
    return np.stack(rows) if rows else np.empty((0, len(order)))


def visual(samples, scores, *, measure):
    """What the image is worth to each model and sample.

    Parameters
    ----------
    samples : DataFrame of tables.SAMPLES
    scores : dict of model to DataFrame of tables.SCORES
    measure : image_gap, blank_gap, text_gap (against another image, plain gray, no image) or pmi
        (of text, against the text without its prompt; else see geometry.information)

    Returns
    -------
    names : list of str, the models with any score, sorted
    ndarray of shape (n_models, n_samples), nats; NaN where missing
    """
    names = sorted(model for model, frame in scores.items() if frame.height)
    frames, ids = [scores[name] for name in names], samples["sample_id"]
    given = cells(frames, ids, variant="given")
    if not names:  # all are on a frozen map, or failed
        return names, given
    if measure != "pmi":
        return names, information.gap(given, cells(frames, ids, variant=GAPS[measure]))
    variants = {v for frame in frames for v in frame["variant"].unique()}
    if "no_prompt" in variants:
        return names, information.gap(given, cells(frames, ids, variant="no_prompt"))
    others = [cells(frames, ids, variant=v) for v in sorted(variants) if v.startswith("shuffled")]
    return names, information.mutual_information(given, np.array(others))


def informed(samples, scores, models, *, rows=None):
    """What `gather` gives, of the mutual information of texts and their images, or prompts.

    Parameters
    ----------
    models : DataFrame of tables.MATRIX_MODELS, of which the mean losses are taken
    rows : Rows of mutual information, as for `gather`

    Returns
    -------
    Gathered, L being the mutual information in nats; its numeric noise is not known
    """
    names, values = visual(samples, scores, measure="pmi")
    if rows:
        names, values = _beside(names, values, samples["sample_id"], rows)
    kept, complete_samples = complete(values, max_missing=MAX_MISSING)
    known = models.rows_by_key("model", named=True, unique=True)
    found = []
    for name, keep, row in zip(names, kept, values, strict=True):
        n_ok = int((~np.isnan(row)).sum())
        about = {"kept": bool(keep), "samples_ok": n_ok, "reason": _left_out(keep, n_ok, len(row))}
        found.append(known.get(name, {}) | {"model": name} | about | dict.fromkeys(NOISE))
    return Gathered(names, values, _sample_table(samples, complete_samples), found)


def _beside(names, L, sample_ids, rows):
    """Names, sorted, and rows of those scored here and of `rows`, which count where both are."""
    place = {sample: i for i, sample in enumerate(rows.sample_ids)}
    own = [i for i, name in enumerate(names) if name not in set(rows.names)]
    every = [*(names[i] for i in own), *rows.names]
    L = np.vstack([L[own], rows.L[:, [place[sample] for sample in sample_ids]]])
    order = sorted(range(len(every)), key=every.__getitem__)
    return [every[i] for i in order], L[order]


def _left_out(keep, n_ok, n):
    return None if keep else f"{n - n_ok} of {n} samples missing, at most {MAX_MISSING:.0%}"


def _sample_table(samples, complete_samples):
    """Which samples count, and why not."""
    left_out = pl.lit("missing in a model that is kept")
    reason = pl.when(pl.Series(complete_samples)).then(None).otherwise(left_out)
    columns = ("sample_id", "group", "n_bytes", "stratum", "weight")
    known = samples.select(column for column in columns if column in samples.columns)
    return known.with_columns(kept=pl.Series(complete_samples), reason=reason)


def mean_losses(L, n_tokens, n_bytes, weights=None):
    """Mean negative log-likelihood of each model, in three units that are never mixed.

    Parameters
    ----------
    L : ndarray of shape (n_models, n_samples), nats
    n_tokens : ndarray of the same shape, tokens of each target as the model cuts it
    n_bytes : ndarray of shape (n_samples,), bytes of each target
    weights : ndarray of shape (n_samples,), whose squares the samples count by; None: all alike

    Returns
    -------
    dict of ndarray of shape (n_models,): nats_per_sample, nats_per_token, bits_per_byte
    """
    count = np.ones(L.shape[1]) if weights is None else weights**2
    total = -(L * count).sum(axis=1)
    return {
        "nats_per_sample": total / count.sum(),
        "nats_per_token": total / (n_tokens * count).sum(axis=1),
        "bits_per_byte": total / ((n_bytes * count).sum() * math.log(2)),
    }


def prompt_floor(scores):
    """Squared distance (nats squared) of a model to itself under another wording of the prompt.

    The mean over wordings of the variance over samples by which a wording moves a score; None if
    no other wording was scored. Models nearer than this to each other differ less than prompts do.
    """
    scores = scores.filter(pl.col("status") == "ok").select(
        "sample_id", "variant", "log_likelihood"
    )
    given = scores.filter(pl.col("variant") == "given").drop("variant")
    moved = (
        scores.filter(pl.col("variant").str.starts_with("paraphrase-"))
        .join(given, on="sample_id", suffix="_given")
        .with_columns(by=pl.col("log_likelihood") - pl.col("log_likelihood_given"))
        .group_by("variant")
        .agg(pl.col("by").var(ddof=0))
    )
    return moved["by"].mean()


def first_token_share(scores):
    """Share of the variance over texts of a log-likelihood that is in the first token: the
    covariance of the two, by the variance of the whole. None with fewer than two texts.
    """
    given = scores.filter((pl.col("variant") == "given") & (pl.col("status") == "ok"))
    first, whole = pl.col("first_token_log_likelihood"), pl.col("log_likelihood")
    share = given.select(pl.cov(first, whole) / whole.var())
    value = share.item() if given.height > 1 else None
    return value if value is not None and math.isfinite(value) else None


def _noise(shards):
    """The variance of rounding over all shards: the mean, by samples; None if not measured."""
    found = [s for s in shards if s and s["noise_nats2"] is not None]
    n = sum(s["n_samples"] for s in found)
    return sum(s["noise_nats2"] * s["n_samples"] for s in found) / n if n else None


def status(provenances, scores):
    """How one model fared on one dataset, over its shards.

    Parameters
    ----------
    provenances : list of dict, the footers of its shards
    scores : DataFrame, the rows of all its shards

    Returns
    -------
    dict: the columns of STATUS but for model and dataset
    """
    given = scores.filter(pl.col("variant") == "given")
    bad = given.filter(pl.col("status") != "ok")["status"].value_counts(sort=True)
    failed = next((p for p in provenances if p["status"] != "ok"), None)
    too_few = bad["count"].sum() > MAX_MISSING * given.height
    incomplete = ", ".join(f"{n} {status}" for status, n in bad.rows())
    remark = next((p["checkpoint"]["reason"] for p in provenances), None)
    return {
        "status": failed["status"] if failed else "incomplete" if too_few else "ok",
        "reason": failed["reason"] if failed else incomplete or remark,
        "samples_ok": given.height - bad["count"].sum(),
        "samples_missing": bad["count"].sum(),
        "seconds": sum(p.get("seconds", 0.0) for p in provenances),
        "peak_memory": max(p.get("peak_memory", 0) for p in provenances),
        "peak_device_memory": max(p.get("peak_device_memory") or 0 for p in provenances) or None,
        **{key: provenances[0]["checkpoint"][key] for key in ("repo", "commit")},
        **{key: provenances[0].get(key) for key in ("dtype", "attention", "device")},
    }


def origin(provenances):
    """How a model was scored, for people to read.

    Parameters
    ----------
    provenances : list of dict, the footers of its shards

    Returns
    -------
    dict: gate (list of dict: check, value, limit, verdict), facts (dict of name to text)
    """
    first = provenances[0]
    told = {key: first["checkpoint"][key] for key in ("repo", "commit")}
    told |= {key: first.get(key) for key in ("dtype", "attention", "device")}
    told |= first.get("versions", {})
    facts = {key: str(value) for key, value in told.items() if value is not None}
    return {"gate": first.get("gate", []), "facts": facts}


def expect_all_ok(table):
    """Raise Incomplete, naming every model of the status table that failed for good."""
    failed = table.filter(~pl.col("status").is_in(["ok", "not applicable"]))
    if failed.height:
        lines = [
            f"{row['model']} on {row['dataset']}: {row['status']}: {row['reason']}"
            for row in failed.rows(named=True)
        ]
        raise Incomplete("models without scores (on_missing: error):\n" + "\n".join(lines))


def _of_scores(frame, noise, samples):
    """What the scores of a model tell beside the mean losses."""
    found = {"noise_nats2": _noise(noise), "prompt_nats2": prompt_floor(frame)}
    if samples["image"].is_null().all():
        found["first_token_share"] = first_token_share(frame)
    return found


def _summary(names, L, scores, samples, kept, complete_samples, level):
    """A row for each model: whether it is kept, its mean losses and its image gap."""
    ids, groups = samples["sample_id"], samples["group"].to_numpy()
    counts = np.isfinite(L).sum(axis=1)
    n_bytes = samples["n_bytes"].to_numpy()  # NaN where unknown
    weights = samples["weight"].to_numpy() if "weight" in samples.columns else np.ones(len(ids))
    unknown, used = np.full(len(ids), math.nan), complete_samples
    rows = []
    for i, (name, keep) in enumerate(zip(names, kept, strict=True)):
        reason = _left_out(keep, int(counts[i]), len(ids))
        row = {"model": name, "kept": bool(keep), "samples_ok": int(counts[i]), "reason": reason}
        if keep and used.any():
            n_tokens = shuffled = unknown
            if name in scores:
                (n_tokens,) = cells([scores[name]], ids, variant="given", column="n_tokens")
                (shuffled,) = cells([scores[name]], ids, variant="shuffled")
            about = n_tokens[None, used], n_bytes[used], weights[used]
            losses = mean_losses(L[i : i + 1, used], *about)
            row |= {unit: _known(value[0]) for unit, value in losses.items()}
            shown = used & ~np.isnan(L[i] - shuffled)
            if shown.any():
                gap = (L[i] - shuffled)[shown]
                interval = mean_interval(gap, groups[shown], level=level, weights=weights[shown])
                interval = map(_known, interval)
                row |= zip(("image_gap", "image_gap_low", "image_gap_high"), interval, strict=True)
        rows.append(row)
    return rows


def _known(value):
    return None if math.isnan(value) else float(value)
