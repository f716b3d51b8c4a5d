"""Score one shard of a dataset with one model, or say why not."""

import shutil
from pathlib import Path

from modelmap import gpus, keeping, retrieve, tables
from modelmap.datasets import samples
from modelmap.log import log_to
from modelmap.scoring import plan

log_to(snakemake.log[0])

settings, output = snakemake.params.settings, snakemake.output[0]
parts = Path(output).with_suffix(".parts")
checkpoint = retrieve.read(snakemake.input.model, snakemake.input.weights)
facts = {"model": snakemake.wildcards.model, "checkpoint": checkpoint, "settings": settings}
scores, outcome = [], {key: checkpoint[key] for key in ("status", "reason")}
if checkpoint["status"] == "ok":
    rows = tables.read(snakemake.input.samples, tables.SAMPLES).to_dicts()
    some = samples.shard(rows, snakemake.wildcards.shard)
    prompt = settings["prompt"]
    shown = samples.variants(some, settings["variants"], prompt=prompt, everything=rows)
    shown += samples.paraphrased(some, settings["paraphrases"], everything=rows)
    key = [settings, checkpoint["hashes"], snakemake.params.version]
    facts["asked"] = plan.asked(key, shown)
    if keeping.take_back(output, facts["asked"]):
        print("these samples were scored before: nothing is scored again")
        shutil.rmtree(parts, ignore_errors=True)
        raise SystemExit

    from modelmap.models import loading  # torch only where it is needed
    from modelmap.scoring import gate, job

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
            key=key,
        )
    except loading.Refused as error:
        outcome = {"status": error.status, "reason": str(error)}
kept = keeping.second_name(output)  # until Snakemake is known to have noted the end of the job
tables.write(kept, tables.SCORES, scores, facts | outcome)
keeping.link(kept, output)
if outcome["status"] == "ok":
    shutil.rmtree(parts, ignore_errors=True)
