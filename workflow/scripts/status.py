"""Say how every model fared on every dataset."""

from pathlib import Path

import polars as pl

from modelmap import foreign, gather, tables
from modelmap.figures.status import status_page
from modelmap.log import log_to

log_to(snakemake.log[0])

shards = {}
for file in snakemake.input.scores:  # results/scores/{dataset}/{model}/{shard}.parquet
    shards.setdefault(Path(file).parts[-3:-1], []).append(file)
rows = [
    {"model": model, "dataset": dataset}
    | gather.status(
        [tables.provenance(file) for file in files],
        pl.concat(tables.read(file, tables.SCORES) for file in files),
    )
    for (dataset, model), files in shards.items()
]
scored = list(rows)
for file in snakemake.input.matrices:
    facts = tables.provenance(file)["matrix"]
    rows += foreign.status(tables.read(file, tables.MATRIX_MODELS), facts, scored)
told = {"ok": snakemake.params.frozen, "not applicable": snakemake.params.not_applicable}
rows += [
    {"model": model, "dataset": dataset, "status": status, "reason": reason}
    for status, found in told.items()
    for model, dataset, reason in found
]
table = pl.DataFrame(rows, schema=gather.STATUS).sort("dataset", "model")
table.write_csv(snakemake.output.table, separator="\t")
Path(snakemake.output.page).write_text(status_page(table), encoding="utf-8")
