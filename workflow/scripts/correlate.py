"""Correlate mean negative log-likelihood with benchmark scores."""

from pathlib import Path

import polars as pl

from modelmap import benchmarks, correlate, strata, tables
from modelmap.figures import scatter, style
from modelmap.figures.correlation import strata_correlation_figure
from modelmap.log import log_to

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
models = tables.read(snakemake.input.models, tables.MATRIX_MODELS)
table = benchmarks.read_table(snakemake.input.table)
points, coverage = benchmarks.join(table, models, params.models)
found = correlate.correlations(points, level=params.level, **params.how)
found.write_csv(output.correlation, separator="\t")
losses = pl.read_csv(snakemake.input.losses, separator="\t", schema=strata.LOSSES)
by_stratum = correlate.by_stratum(points, losses, level=params.level, **params.how)
by_stratum.write_csv(output.strata, separator="\t")
figure = strata_correlation_figure(by_stratum, level=params.level)
style.save(figure, output.heatmap, *output.heatmaps)
coverage.write_csv(output.coverage, separator="\t")
Path(output.figures).mkdir(parents=True, exist_ok=True)
for row in found.filter(measure="nats_per_sample").rows(named=True):
    figure, drawn = scatter.correlation_figure(
        points,
        pl.DataFrame(params.models, infer_schema_length=None),
        x="nats_per_sample",
        y=row["benchmark"],
        x_label="mean negative log-likelihood (nats per sample)",
        y_label=f"{row['benchmark']} (score)",
        note=correlate.note(row),
    )
    stem = f"{output.figures}/{benchmarks.file_name(row['benchmark'])}"
    paths = [f"{stem}.{ending}" for ending in ("svg", "png", "pdf", "tsv")]
    style.save(figure, *paths, data=drawn)
