"""Scores of made-up models, as tables hold them."""

import numpy as np
import polars as pl

from modelmap.gather import gather

N = 100
IDS = [f"s{i}" for i in range(N)]
TYPES = {
    "sample_id": pl.String,
    "variant": pl.String,
    "status": pl.String,
    "log_likelihood": pl.Float64,
    "n_tokens": pl.Int32,
    "first_token_log_likelihood": pl.Float64,
}


def make_samples(groups=None, images=True):
    return pl.DataFrame(
        {
            "sample_id": IDS,
            "group": [f"g{i // 2}" for i in range(N)] if groups is None else groups,
            "image": [b"an image" if images else None] * N,
            "n_bytes": [10 + i % 7 for i in range(N)],
            "stratum": [None if i % 3 else "x" for i in range(N)],
        },
        {
            "sample_id": pl.String,
            "group": pl.String,
            "image": pl.Binary,
            "n_bytes": pl.Int32,
            "stratum": pl.String,
        },
    )


def make_scores(values, *, missing=(), variant="given", status="non_finite"):
    """Return one model's scores, those of the samples at `missing` not ok."""
    values = [None if i in missing else float(value) for i, value in enumerate(values)]
    states = ["ok" if value is not None else status for value in values]
    tokens = [3 + i % 5 for i in range(N)]
    parts = [None if value is None else value / 4 for value in values]
    columns = (IDS, [variant] * N, states, values, tokens, parts)
    return pl.DataFrame(dict(zip(TYPES, columns, strict=True)), TYPES)


def noise(seed):
    return np.random.default_rng(seed).normal(-40, 5, N)


def gathered(scores, samples=None, level=0.95, noise=None, rows=None):
    samples = make_samples() if samples is None else samples
    noise = noise or dict.fromkeys(scores, [None])
    return gather(samples, scores, noise=noise, level=level, rows=rows)
