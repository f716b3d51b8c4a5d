"""Maps that stay: what is kept of a map, and what models need of it to join it."""

from typing import NamedTuple

import numpy as np
import polars as pl

from modelmap import tables

OF_THE_MODEL = ("nats_per_token", "image_gap", "image_gap_low", "image_gap_high")
OF_THE_MODEL += ("first_token_share", "noise_nats2", "prompt_nats2")  # L does not tell these
SAMPLE = ("sample_id", "group", "n_bytes", "stratum", "weight")


class OtherSamples(ValueError):
    """The frozen map is of other samples."""


class Reference(NamedTuple):
    """A frozen map."""

    names: list
    L: np.ndarray  # (n_models, n_samples), nats
    models: pl.DataFrame  # columns of OF_THE_MODEL
    facts: dict  # the footer, see `facts`


def read(path):
    """Read a frozen map."""
    models = tables.read(path, tables.REFERENCE, columns=list(OF_THE_MODEL))
    names_and_L = tables.read_vectors(path, tables.REFERENCE)
    return Reference(*names_and_L, models, tables.provenance(path))


def facts(samples, coordinates, made, **more):
    """What stands in the footer of a frozen map.

    Parameters
    ----------
    samples : DataFrame of tables.MATRIX_SAMPLES, kept ones
    coordinates : dict, the footer of tables.COORDINATES
    made : dict of method to (DataFrame of tables.EMBEDDING, its footer)
    **more : what the config said

    Returns
    -------
    dict: samples (columns as lists), column_means, threshold (of clipping, nats; None: off),
        embeddings (method to its footer, with models, x and y), and `more`
    """
    return more | {
        "samples": samples.select(SAMPLE).to_dict(as_series=False),
        "column_means": coordinates["column_means"],
        "threshold": coordinates.get("threshold"),
        "embeddings": {
            method: footer
            | {
                "models": table["model"].to_list(),
                "x": table["x"].to_list(),
                "y": table["y"].to_list(),
            }
            for method, (table, footer) in made.items()
        },
    }


def about(names, scored, said):
    """A row per model of what is kept of it beside its log-likelihoods.

    Parameters
    ----------
    names : list of str
    scored : dict of model to its row of tables.MATRIX_MODELS
    said : dict of model to its row of the sheet; it may lack one
    """
    nothing = dict.fromkeys(tables.REFERENCE.names) | {"parent": ""}
    return [nothing | {"label": name} | scored[name] | said.get(name, {}) for name in names]


def known(samples, reference):
    """The samples that a frozen map has, in the order of `samples`.

    Parameters
    ----------
    samples : DataFrame of tables.SAMPLES; of a subset also weight, see `gather.weighted`

    Raises
    ------
    OtherSamples
        If one of the map's is not there, is another, or has another weight.
    """
    kinds = {"n_bytes": pl.Int32, "weight": pl.Float64}
    held = pl.DataFrame(reference.facts["samples"], schema_overrides=kinds)
    here = samples.with_columns(pl.lit(None, kinds[c]).alias(c) for c in kinds if c not in samples)
    found = held.join(here, on="sample_id", how="left", suffix="_found", maintain_order="left")
    there = pl.col("sample_id").is_in(samples["sample_id"].implode())
    alike = [pl.col(c).eq_missing(pl.col(f"{c}_found")) for c in ("group", *kinds)]
    other = found.filter(~pl.all_horizontal(there, *alike))
    if other.height:
        row = other.row(0, named=True)
        then, now = _says(row, ""), _says(row, "_found")
        raise OtherSamples(
            f"{other.height} of the frozen map's {held.height} samples are not among this "
            f"dataset's, or not the same; the first is {row['sample_id']} ({then}; here {now}). "
            "Draw the samples as they were drawn when the map was frozen, with the subset that "
            "their weights are from (datasets.NAME.subset; null where they have none), or leave "
            "map.reference out"
        )
    return samples.filter(pl.col("sample_id").is_in(held["sample_id"].implode()))


def _says(row, ending):
    """What a sample is, on the map or here."""
    group, n_bytes, weight = (row[f"{key}{ending}"] for key in ("group", "n_bytes", "weight"))
    if group is None:
        return "none"
    weighs = "no weight" if weight is None else f"weight {weight:.6g}"
    return f"group {group}, {n_bytes} bytes, {weighs}"


def rows(reference, beside=None):
    """The frozen models' log-likelihoods for `gather`, and of those `beside` what they lack."""
    from modelmap.gather import Rows  # scipy.stats: seconds that centering need not wait for

    ids = reference.facts["samples"]["sample_id"]
    about = dict(zip(reference.names, reference.models.rows(named=True), strict=True))
    if beside is None:
        return Rows(reference.names, reference.L, ids, about)
    place = {sample: i for i, sample in enumerate(beside.sample_ids)}
    new = [i for i, name in enumerate(beside.names) if name not in about]
    L = beside.L[np.ix_(new, [place[sample] for sample in ids])]
    names = [*reference.names, *(beside.names[i] for i in new)]
    return Rows(names, np.vstack([reference.L, L]), ids, beside.facts | about)


def centering(reference, samples):
    """What a frozen map's rows are centered with, of the samples (ids) that still count.

    Returns
    -------
    column_means : ndarray of shape (n_samples,), nats
    threshold : float, of clipping, nats; None: off
    """
    held = reference.facts
    means = dict(zip(held["samples"]["sample_id"], held["column_means"], strict=True))
    return np.array([means[sample] for sample in samples]), held["threshold"]
