"""Let a model write a text behind some prompts, and tell its distributions at given texts."""

import numpy as np

from modelmap import retrieve, tables
from modelmap.datasets import samples
from modelmap.log import log_to

log_to(snakemake.log[0])

name, params, resources = snakemake.wildcards.model, snakemake.params, snakemake.resources
texts, facts, log_p = [], {"settings": params.settings}, np.empty((0, 0), np.float32)
kept = tables.read(snakemake.input.models, tables.MATRIX_MODELS).filter("kept")
if name in kept["model"]:
    from modelmap.models import loading  # torch only where it is needed
    from modelmap.scoring import plan, writing

    counted = tables.read(snakemake.input.kept, tables.MATRIX_SAMPLES).filter("kept")
    rows = tables.read(snakemake.input.samples, tables.SAMPLES)
    rows = samples.one_per_group(
        rows.join(counted, "sample_id", how="semi").to_dicts(), params.how["n_samples"]
    )
    prompt = params.settings["prompt"]
    given = samples.variants(rows, ["given"], prompt=prompt, everything=rows)
    model = retrieve.load(
        retrieve.read(snakemake.input.model, snakemake.input.weights),
        params.settings,
        images=any(row["image"] is not None for row in rows),
        device=resources.device,
        threads=snakemake.threads,
    )
    auto = resources.batch_tokens == "auto"
    budget = model.suggested_batch_tokens if auto else int(resources.batch_tokens)
    log_p, ids = writing.token_log_probabilities(model, given, batch_tokens=budget)
    facts |= {"ids": ids, "vocabulary": plan.fingerprint(model.tokenizer.get_vocab())}
    facts |= {"groups": [row["group"] for row in rows]}
    how = {key: params.how[key] for key in ("max_tokens", "seed")}
    try:
        texts = writing.write_texts(model, given, batch_tokens=budget, **how)
    except loading.Refused as error:
        facts["reason"] = str(error)
np.save(snakemake.output.distributions, log_p)
tables.write(snakemake.output.texts, tables.TEXTS, texts, facts)
