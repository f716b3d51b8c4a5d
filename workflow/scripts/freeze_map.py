"""Keep a map as it is, so that models can join it later without moving those on it."""

from modelmap import frozen, tables
from modelmap.log import log_to

log_to(snakemake.log[0])

params, source = snakemake.params, snakemake.input
schema = tables.VISUAL if params.information else tables.MATRIX
files = {name: source[name] for name in ("matrix", "samples", "models")}
names, samples, L = tables.read_kept(**files, schema=schema)
scored = tables.read(source.models, tables.MATRIX_MODELS).rows(named=True)
scored = {row["model"]: row for row in scored}
said = {row["model"]: row for row in params.models}
facts = frozen.facts(
    samples,
    tables.provenance(source.coordinates),
    {
        method: (tables.read(file, tables.EMBEDDING), tables.provenance(file))
        for method, file in zip(params.methods, source.embeddings, strict=True)
    },
    settings=params.settings,
    **params.dataset,
)
more = frozen.about(names, scored, said)
tables.write_vectors(snakemake.output[0], tables.REFERENCE, names, L, facts, more=more)
