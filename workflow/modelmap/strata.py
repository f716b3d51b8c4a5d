"""The loss of each model on each stratum (kind of sample) of a dataset."""

import math

import numpy as np
import polars as pl

from modelmap.geometry.divergence import mean_interval

ALL = "all"
LOSSES = dict.fromkeys(("model", "stratum"), pl.String) | {"n_samples": pl.Int64}
LOSSES |= dict.fromkeys(("nats_per_sample", "bits_per_byte"), pl.Float64)
LOSSES |= dict.fromkeys(("bits_per_byte_low", "bits_per_byte_high"), pl.Float64)


def losses(models, samples, L, *, level, weights=None):
    """Mean negative log-likelihood of every model on every stratum, and on all samples.

    Parameters
    ----------
    models : list of str
    samples : DataFrame of tables.MATRIX_SAMPLES, those that count
    L : ndarray of shape (n_models, n_samples), nats
    level : of the intervals, which are robust to samples of one group
    weights : ndarray of shape (n_samples,), whose squares the samples count by; None: all alike

    Returns
    -------
    DataFrame: the columns LOSSES, of which the interval is that of bits_per_byte (null where a
    sample's bytes are not known); strata by name, `all` first. Samples without a stratum count in
    `all` alone
    """
    strata = samples["stratum"].to_numpy()
    groups, n_bytes = samples["group"].to_numpy(), samples["n_bytes"].to_numpy()
    weights = np.ones(len(strata)) if weights is None else weights
    found = []
    kinds = {stratum: strata == stratum for stratum in sorted(set(strata) - {None})}
    if ALL in kinds:  # a name of a stratum like any other
        kinds[f'stratum "{ALL}"'] = kinds.pop(ALL)
    for name, here in ({ALL: np.ones(len(strata), bool)} | kinds).items():
        for model, row in zip(models, -L[:, here], strict=True):
            per_byte = np.average(n_bytes[here], weights=weights[here] ** 2) * math.log(2)
            how = {"level": level, "weights": weights[here]}
            mean, low, high = mean_interval(row, groups[here], **how)
            bits = [x / per_byte for x in (mean, low, high)]
            values = [mean, *(None if math.isnan(x) else x for x in bits)]
            found.append([model, name, int(here.sum()), *values])
    return pl.DataFrame(found, LOSSES, orient="row")
