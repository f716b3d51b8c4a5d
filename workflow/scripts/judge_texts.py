"""Score with one model what the others wrote."""

import dataclasses
from pathlib import Path

from modelmap import retrieve, tables, theory
from modelmap.datasets import samples
from modelmap.log import log_to

log_to(snakemake.log[0])

name, settings = snakemake.wildcards.model, snakemake.params.settings
texts = {Path(file).stem: tables.read(file, tables.TEXTS) for file in snakemake.input.texts}
rows = tables.read(snakemake.input.samples, tables.SAMPLES).to_dicts()
given = samples.variants(rows, ["given"], prompt=settings["prompt"], everything=rows)
given = {sample.sample_id: sample for sample in given}
shown = [
    dataclasses.replace(given[sample], target=text, variant=theory.written_by(writer))
    for writer, written in texts.items()
    for sample, text in written.select("sample_id", "text").drop_nulls().iter_rows()
    if writer != name
]
kept = tables.read(snakemake.input.models, tables.MATRIX_MODELS).filter("kept")
scores = []
if shown and name in kept["model"]:
    from modelmap.scoring import pipeline  # torch only where it is needed

    model = retrieve.load(
        retrieve.read(snakemake.input.model, snakemake.input.weights),
        settings,
        images=any(row["image"] is not None for row in rows),
        device=snakemake.resources.device,
        threads=snakemake.threads,
    )
    budget = snakemake.resources.batch_tokens
    budget = model.suggested_batch_tokens if budget == "auto" else int(budget)
    scores = pipeline.score(model, shown, batch_tokens=budget)
tables.write(snakemake.output[0], tables.SCORES, scores, {"settings": settings})
