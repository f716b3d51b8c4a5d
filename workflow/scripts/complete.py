"""Fail the run if a model failed for good (config: on_missing: error)."""

import polars as pl

from modelmap import gather
from modelmap.log import log_to

log_to(snakemake.log[0])

gather.expect_all_ok(pl.read_csv(snakemake.input.status, separator="\t", infer_schema=False))
