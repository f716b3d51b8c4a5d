"""Let a model write a text behind some prompts."""

from modelmap import gpus, retrieve, tables
from modelmap.datasets import samples
from modelmap.log import log_to

log_to(snakemake.log[0])

params, resources, texts = snakemake.params, snakemake.resources, []
(scores,) = tables.read_scores(snakemake.input.scores).values()
scored = set(scores.filter(variant="given", status="ok")["sample_id"])
# of those that all models share, so that one model more changes nothing for the others
rows = tables.read(snakemake.input.samples, tables.SAMPLES).to_dicts()
rows = [row for row in samples.one_per_group(rows, params.n_samples) if row["sample_id"] in scored]
facts = {"settings": params.settings, "asked": [row["sample_id"] for row in rows]}
if rows:
    from modelmap.models import loading  # torch only where it is needed
    from modelmap.scoring import writing

    given = samples.variants(rows, ["given"], prompt=params.settings["prompt"], everything=rows)
    gpus.hold(resources.gpu, jobs_per_gpu=resources.jobs_per_gpu)
    model = retrieve.load(
        retrieve.read(snakemake.input.model, snakemake.input.weights),
        params.settings,
        images=any(row["image"] is not None for row in rows),
        device=resources.device,
        threads=snakemake.threads,
    )
    auto = resources.batch_tokens == "auto"
    budget = model.suggested_batch_tokens if auto else int(resources.batch_tokens)
    try:
        texts = writing.write_texts(model, given, batch_tokens=budget, **params.how)
    except loading.Refused as error:
        facts["reason"] = str(error)
tables.write(snakemake.output[0], tables.TEXTS, texts, facts)
