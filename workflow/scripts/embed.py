"""Place the models in two dimensions by every method; one that cannot says why."""

from modelmap import embeddings, frozen, joining, tables
from modelmap.log import log_to
from modelmap.stability.redrawn import restarts

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
models, Q = tables.read_vectors(snakemake.input.coordinates, tables.COORDINATES)
noise = tables.read(snakemake.input.models, tables.MATRIX_MODELS).select("model", "noise_nats2")
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")
noise, released = dict(noise.rows()), {row["model"]: row["released"] for row in params.released}
if snakemake.input.reference:
    reference = frozen.read(snakemake.input.reference[0])
    made = joining.placed(reference, models, Q, noise=noise, methods=params.settings)
else:
    made = embeddings.embeddings(
        models,
        Q,
        params.settings,
        noise=noise,
        released=released,
        groups=samples["group"].to_numpy(),
        n_ellipses=params.n_ellipses,
        weights=tables.weights(samples),
    )
for file, (method, (rows, facts)) in zip(output.embeddings, made.items(), strict=True):
    tables.write(file, tables.EMBEDDING, rows, {"method": method, **facts})
embeddings.summary(made).write_csv(output.summary, separator="\t")
embeddings.components(made).write_csv(output.components, separator="\t")
# here, where UMAP is compiled already: that takes longer than all the rest
again = restarts(models, Q, params.settings, released)
tables.write(output.restarts, tables.RESTARTS, again)
