"""Score with one model what the others wrote, and tell its distributions at the dataset's texts."""

import dataclasses
from pathlib import Path

import numpy as np

from modelmap import gpus, retrieve, tables, theory
from modelmap.datasets import samples
from modelmap.log import log_to

log_to(snakemake.log[0])

name, settings = snakemake.wildcards.model, snakemake.params.settings
files = {Path(file).stem: file for file in snakemake.input.texts}
asked = tables.provenance(files.pop(name))["asked"]
scores, facts, log_p = [], {"settings": settings}, np.empty((0, 0), np.float32)
if asked:  # what is not scored itself judges nobody
    from modelmap.scoring import pipeline, plan, writing  # torch only where it is needed

    rows = tables.read(snakemake.input.samples, tables.SAMPLES).to_dicts()
    given = samples.variants(rows, ["given"], prompt=settings["prompt"], everything=rows)
    given = {sample.sample_id: sample for sample in given}
    texts = {writer: tables.read(file, tables.TEXTS) for writer, file in files.items()}
    shown = [
        dataclasses.replace(given[sample], target=text, variant=theory.written_by(writer))
        for writer, written in texts.items()
        for sample, text in written.select("sample_id", "text").drop_nulls().iter_rows()
    ]
    gpus.hold(snakemake.resources.gpu, jobs_per_gpu=snakemake.resources.jobs_per_gpu)
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
    some = [given[sample] for sample in asked]
    log_p, ids = writing.token_log_probabilities(model, some, batch_tokens=budget)
    facts |= {"ids": dict(zip(asked, ids, strict=True))}
    facts |= {"vocabulary": plan.fingerprint(model.tokenizer.get_vocab())}
np.save(snakemake.output.distributions, log_p)
tables.write(snakemake.output.scores, tables.SCORES, scores, facts)
