"""Score one shard of a dataset with one model, or say why not."""

import shutil
from pathlib import Path

from modelmap import gpus, retrieve, tables
from modelmap.datasets import samples
from modelmap.log import log_to

log_to(snakemake.log[0])

settings, parts = snakemake.params.settings, Path(snakemake.output[0]).with_suffix(".parts")
checkpoint = retrieve.read(snakemake.input.model, snakemake.input.weights)
facts = {"model": snakemake.wildcards.model, "checkpoint": checkpoint, "settings": settings}
scores, outcome = [], {key: checkpoint[key] for key in ("status", "reason")}
if checkpoint["status"] == "ok":
    from modelmap.models import loading  # torch only where it is needed
    from modelmap.scoring import gate, job

    rows = tables.read(snakemake.input.samples, tables.SAMPLES).to_dicts()
    some = samples.shard(rows, snakemake.wildcards.shard)
    prompt = settings["prompt"]
    shown = samples.variants(some, settings["variants"], prompt=prompt, everything=rows)
    shown += samples.paraphrased(some, settings["paraphrases"], everything=rows)
    try:
        gpus.hold(snakemake.resources.gpu, jobs_per_gpu=snakemake.resources.jobs_per_gpu)
        model = retrieve.load(
            checkpoint,
            settings,
            images=any(row["image"] is not None for row in rows),
            device=snakemake.resources.device,
            threads=snakemake.threads,
        )
        scores, outcome = job.gate_and_score(
            model,
            shown,
            samples.probes(rows, gate.N_PAIRS, prompt=prompt),
            batch_tokens=snakemake.resources.batch_tokens,
            workers=0 if model.device.type == "cpu" else snakemake.threads - 1,
            require_image_use=settings["require_image_use"],
            parts=parts,
            key=[settings, checkpoint["hashes"], snakemake.params.version],
        )
    except loading.Refused as error:
        outcome = {"status": error.status, "reason": str(error)}
tables.write(snakemake.output[0], tables.SCORES, scores, facts | outcome)
if outcome["status"] == "ok":
    shutil.rmtree(parts, ignore_errors=True)
