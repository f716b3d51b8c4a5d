"""Turn the log-likelihoods of kept models and samples into coordinates."""

from modelmap import adjustment, frozen, tables
from modelmap.geometry import centering
from modelmap.log import log_to

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
schema = tables.VISUAL if params.information else tables.MATRIX
files = {name: snakemake.input[name] for name in ("matrix", "samples", "models")}
models, samples, L = tables.read_kept(**files, schema=schema)
means = threshold = None  # of a frozen map, else of these models
for file in snakemake.input.reference:
    means, threshold = frozen.centering(frozen.read(file), samples["sample_id"])
facts = {"samples": samples["sample_id"].to_list(), "clip": params.clip, "adjust": params.adjust}
if len(L):
    if params.clip:
        L, threshold, share = centering.clip(L, quantile=params.clip, threshold=threshold)
        facts |= {"threshold": threshold, "share_clipped": dict(zip(models, share, strict=True))}
    means = L.mean(axis=0) if means is None else means
    facts["column_means"] = means.tolist()
n_bytes, weights = samples["n_bytes"], tables.weights(samples)
facts["weighted"] = weights is not None
Q, shares = adjustment.adjust(
    models,
    centering.double_center(L, weights=weights, column_means=means) if len(L) else L,
    n_bytes=None if n_bytes.null_count() else n_bytes.to_numpy(),
    difficulty=facts.get("column_means", [0.0] * L.shape[1]),
    off=params.adjust,
    weights=weights,
)
facts["share_along"] = shares.row(0, named=True)
tables.write_vectors(output.coordinates, tables.COORDINATES, models, Q, facts)
shares.write_csv(output.adjustment, separator="\t")
