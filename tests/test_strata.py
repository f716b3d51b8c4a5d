"""Losses on kinds of samples."""

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from modelmap.strata import losses


def test_a_weight_is_as_good_as_samples_that_are_there_several_times():
    rng = np.random.default_rng(0)
    L, counts = rng.normal(-40, 5, (3, 60)), rng.integers(1, 4, 60)
    columns = {
        "group": [f"g{i // 2}" for i in range(60)],
        "n_bytes": rng.integers(9, 40, 60),
        "stratum": ["a" if i % 4 < 2 else "b" for i in range(60)],
    }
    repeated = {name: np.repeat(values, counts) for name, values in columns.items()}
    some, every = (
        losses(list("xyz"), pl.DataFrame(samples), values, level=0.9, weights=weights)
        for samples, values, weights in (
            (columns, L, np.sqrt(counts)),
            (repeated, np.repeat(L, counts, axis=1), None),
        )
    )
    assert_frame_equal(some.drop("n_samples"), every.drop("n_samples"))


def test_a_stratum_named_all_is_not_all_samples():
    L = np.array([[-1.0, -2, -3, -6]])
    samples = {"group": list("abcd"), "n_bytes": [9] * 4, "stratum": ["all", "all", "x", None]}
    found = losses(["m"], pl.DataFrame(samples), L, level=0.9)
    assert dict(found.select("stratum", "nats_per_sample").iter_rows()) == {
        "all": 3.0,
        'stratum "all"': 1.5,
        "x": 3.0,
    }
