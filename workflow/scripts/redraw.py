"""Draw a frozen map anew with the models that joined it, and tell how far that moves the others."""

import polars as pl

from modelmap import frozen, joining, tables
from modelmap.figures import drift, style
from modelmap.log import log_to

log_to(snakemake.log[0])

params, source, output = snakemake.params, snakemake.input, snakemake.output
reference = frozen.read(source.reference[0])
models, Q = tables.read_vectors(source.coordinates, tables.COORDINATES)
noise = tables.read(source.models, tables.MATRIX_MODELS).select("model", "noise_nats2")
made = {
    method: tables.read(file, tables.EMBEDDING)
    for method, file in zip(params.methods, source.embeddings, strict=True)
}
drifted = joining.drift(reference, models, Q, made, noise=dict(noise.rows()))
drifted.write_csv(output.table, separator="\t")
n_frozen = len(reference.facts["samples"]["sample_id"])
summary = joining.summary(drifted, n_samples=Q.shape[1], n_samples_frozen=n_frozen)
summary.write_csv(output.summary, separator="\t")
sheet = pl.DataFrame(params.sheet, infer_schema_length=None)
figure = drift.drift_figure(drifted, summary, sheet, titles=params.methods)
style.save(figure, *output.figures)
