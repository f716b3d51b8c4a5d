"""Lay out what a run will cost: jobs, bytes, memory, GPU-hours."""

import json
from pathlib import Path

from modelmap import planning, retrieve, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

params = snakemake.params
sizes, current = {}, set()
for dataset, block in params.blocks.items():
    samples, rows = Path("resources/samples", f"{dataset}.parquet"), None
    if tables.is_made_by(samples, tables.SAMPLES, params.drawn[dataset]):
        rows = tables.read(samples, tables.SAMPLES).select("group")
        current.add(dataset)
    sizes[dataset] = planning.size(block, rows=rows)
models, jobs = [], []
for name, described, file in zip(
    params.models, snakemake.input.models, snakemake.input.estimates, strict=True
):
    models.append({"model": name} | retrieve.sizes(retrieve.read(described)))
    for dataset, estimate in json.loads(Path(file).read_text()).items():
        scores = params.scores[f"{dataset}/{name}"]
        made = {"settings": scores["settings"]}
        done = dataset in current
        done = done and all(tables.is_made_by(f, tables.SCORES, made) for f in scores["files"])
        about = {"block": params.blocks[dataset], "done": done} | sizes[dataset]
        jobs.append(planning.job(name, dataset, estimate=estimate, **about))
plan = planning.table(models, jobs)
plan.write_csv(params.table, separator="\t")
text = planning.text(plan, n_datasets=len(params.blocks))
if params.n_zoo:
    text += f"\n\nModels of the zoo, trained by the run itself: {params.n_zoo}; minutes on a CPU."
Path(params.text).write_text(text + "\n")
