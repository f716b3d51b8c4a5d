"""Hold the map's estimate of KL divergence against KL measured by tokens and by texts."""

from pathlib import Path

import polars as pl

from modelmap import tables, theory
from modelmap.figures import divergences, style
from modelmap.log import log_to

log_to(snakemake.log[0])

sheet = pl.DataFrame(snakemake.params.models, infer_schema_length=None)
here = Path(snakemake.output.agreement).parent
distances = tables.read(snakemake.input.distances, tables.DISTANCES)
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")
scores, kept = tables.read_scores(snakemake.input.scores), samples["sample_id"].to_list()
families = dict(sheet.select("model", pl.col("family").fill_null(pl.col("model"))).iter_rows())
pairs = {}
for file in map(Path, snakemake.input.measured):
    measured = pl.read_csv(file, separator="\t", schema=theory.PAIRS)
    pairs[file.stem] = theory.with_estimates(measured, distances, scores, kept, families)
agreement = theory.agreement(pairs)
agreement.write_csv(snakemake.output.agreement, separator="\t")
for name, table in pairs.items():
    table.write_csv(here / f"{name}_kl.tsv", separator="\t")
    figure = divergences.divergence_figure(table, sheet, agreement.filter(level=name))
    style.save(figure, *(here / f"{name}_kl.{ending}" for ending in ("svg", "png", "pdf")))
