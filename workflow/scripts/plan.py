"""Lay out what a run will cost: jobs, bytes, memory, GPU-hours."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from modelmap import planning, retrieve
from modelmap.log import log_to

log_to(snakemake.log[0])

params = snakemake.params
models, jobs = [], []
for name, described, file in zip(
    params.models, snakemake.input.models, snakemake.input.estimates, strict=True
):
    models.append({"model": name} | retrieve.sizes(retrieve.read(described)))
    estimates = json.loads(Path(file).read_text())
    for dataset, estimate in estimates.items():
        samples = Path("resources/samples", f"{dataset}.parquet")
        made = pq.read_metadata(samples).num_rows if samples.exists() else None
        job = {"n_samples": made or params.n_samples[dataset], "about": params.about[dataset]}
        done = all(Path(score).exists() for score in params.scores[f"{dataset}/{name}"])
        jobs.append(planning.job(name, dataset, estimate=estimate, **job, done=done))
plan = planning.table(models, jobs)
plan.write_csv(params.table, separator="\t")
text = planning.text(plan, n_datasets=len(params.about))
if params.n_zoo:
    text += f"\n\nModels of the zoo, trained by the run itself: {params.n_zoo}; minutes on a CPU."
Path(params.text).write_text(text + "\n")
