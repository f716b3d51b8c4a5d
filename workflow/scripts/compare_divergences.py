"""Hold the map's estimate of KL divergence against KL measured by tokens and by texts."""

from pathlib import Path

import numpy as np
import polars as pl

from modelmap import tables, theory
from modelmap.figures import divergences, style
from modelmap.log import log_to

log_to(snakemake.log[0])

sheet = pl.DataFrame(snakemake.params.models, infer_schema_length=None)
level, here = snakemake.params.level, Path(snakemake.output.writers).parent
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")
groups = dict(samples.select("sample_id", "group").iter_rows())
texts, distributions, asked = {}, {}, []
for file in (Path(name) for name in snakemake.input.texts if name.endswith(".parquet")):
    written, facts = tables.read(file, tables.TEXTS), tables.provenance(file)
    if "ids" in facts:
        log_p = np.load(file.with_suffix(".npy"), mmap_mode="r")
        distributions[file.stem] = log_p, facts["ids"], facts["vocabulary"]
        asked = facts["groups"]  # the same for all
    if not written.is_empty():
        texts[file.stem] = written
judged = {Path(file).stem: tables.read(file, tables.SCORES) for file in snakemake.input.judged}
measured = {
    "token": theory.token_level(distributions, asked, level=level),
    "text": theory.text_level(texts, judged, groups, level=level),
}
distances = tables.read(snakemake.input.distances, tables.DISTANCES)
scores, kept = tables.read_scores(snakemake.input.scores), samples["sample_id"].to_list()
families = dict(sheet.select("model", pl.col("family").fill_null(pl.col("model"))).iter_rows())
pairs = {
    name: theory.with_estimates(table, distances, scores, kept, families)
    for name, table in measured.items()
}
agreement = theory.agreement(pairs)
agreement.write_csv(snakemake.output.agreement, separator="\t")
theory.writers(texts).write_csv(snakemake.output.writers, separator="\t")
for name, table in pairs.items():
    table.write_csv(here / f"{name}_kl.tsv", separator="\t")
    figure = divergences.divergence_figure(table, sheet, agreement.filter(level=name))
    style.save(figure, *(here / f"{name}_kl.{ending}" for ending in ("svg", "png", "pdf")))
