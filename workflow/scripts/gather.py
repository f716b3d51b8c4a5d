"""Put the scores of all models side by side, and decide which cells count."""

from pathlib import Path

from modelmap import gather, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

samples = tables.read(snakemake.input.samples, tables.SAMPLES)
scores = tables.read_scores(snakemake.input.scores)
gates, plans, noise = {}, {}, {}
for file in snakemake.input.scores:  # results/scores/{dataset}/{model}/{shard}.parquet
    model = Path(file).parent.name
    facts = tables.provenance(file)
    gates.setdefault(model, facts.get("gate", []))
    plans.setdefault(model, []).append(facts.get("plan"))
    noise.setdefault(model, []).append(facts.get("noise"))

facts = {"plans": plans, "level": snakemake.params.level}
gathered = gather.gather(samples, scores, noise=noise, level=snakemake.params.level)
tables.write_vectors(snakemake.output.matrix, tables.MATRIX, gathered.names, gathered.L, facts)
tables.write(snakemake.output.samples, tables.MATRIX_SAMPLES, gathered.samples, facts)
tables.write(snakemake.output.models, tables.MATRIX_MODELS, gathered.models, facts)
for model, checks in gates.items():
    tables.write(
        Path(snakemake.output.gate, f"{model}.parquet"),
        tables.GATE,
        checks,
        {"plans": plans[model]},
    )
