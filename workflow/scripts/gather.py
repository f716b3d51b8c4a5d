"""Put the scores of all models side by side, and decide which cells count."""

from pathlib import Path

from modelmap import foreign, frozen, gather, keeping, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

params, wildcards = snakemake.params, snakemake.wildcards
samples = [tables.read(file, tables.SAMPLES) for file in snakemake.input.samples]
scores = tables.read_scores(snakemake.input.scores)
gates, plans, noise = {}, {}, {}
for file in snakemake.input.scores:  # results/scores/{dataset}/{model}/{shard}.parquet
    model = Path(file).parent.name
    facts = tables.provenance(file)
    gates.setdefault(model, facts.get("gate", []))
    plans.setdefault(model, []).append(facts.get("plan"))
    noise.setdefault(model, []).append(facts.get("noise"))
    keeping.forget(file)  # the job that made it is noted

facts, rows = {"plans": plans, "level": params.level}, None
if snakemake.input.matrix:
    matrix = foreign.read(snakemake.input.matrix[0]).of(params.given)
    samples = [foreign.same_samples(matrix, some, params.samples_from) for some in samples]
    samples = samples or [matrix.samples]
    rows = gather.Rows(matrix.names, matrix.L, matrix.samples["sample_id"].to_list(), {})
    about = {"dataset": wildcards.dataset, "samples_from": params.samples_from}
    facts["matrix"] = about | foreign.facts(snakemake.input.matrix[0], matrix, placed=list(gates))
(samples,) = samples
for file in snakemake.input.subset:
    n_samples = tables.provenance(file)["n_samples"]
    samples = gather.weighted(samples, tables.read(file, tables.SUBSET), n_samples)
for file in snakemake.input.reference:  # none, or the frozen map
    held = frozen.read(file)
    samples, rows = frozen.known(samples, held), frozen.rows(held, beside=rows)
gathered = gather.gather(samples, scores, noise=noise, level=params.level, rows=rows)
tables.write_vectors(snakemake.output.matrix, tables.MATRIX, gathered.names, gathered.L, facts)
tables.write(snakemake.output.samples, tables.MATRIX_SAMPLES, gathered.samples, facts)
tables.write(snakemake.output.models, tables.MATRIX_MODELS, gathered.models, facts)
Path(snakemake.output.gate).mkdir(parents=True)  # empty where nothing is scored
for model, checks in gates.items():
    tables.write(
        Path(snakemake.output.gate, f"{model}.parquet"),
        tables.GATE,
        checks,
        {"plans": plans[model]},
    )
