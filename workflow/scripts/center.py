"""Turn the log-likelihoods of kept models and samples into coordinates."""

from modelmap import adjustment, tables
from modelmap.geometry import centering
from modelmap.log import log_to

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
schema = tables.VISUAL if params.information else tables.MATRIX
models, samples, L = tables.read_kept(**snakemake.input, schema=schema)
facts = {"samples": samples["sample_id"].to_list(), "clip": params.clip, "adjust": params.adjust}
if len(L):
    if params.clip:
        L, threshold, share = centering.clip(L, quantile=params.clip)
        facts |= {"threshold": threshold, "share_clipped": dict(zip(models, share, strict=True))}
    facts["column_means"] = L.mean(axis=0).tolist()
n_bytes, weights = samples["n_bytes"], tables.weights(samples)
facts["weighted"] = weights is not None
Q, shares = adjustment.adjust(
    models,
    centering.double_center(L, weights=weights) if len(L) else L,
    n_bytes=None if n_bytes.null_count() else n_bytes.to_numpy(),
    difficulty=facts.get("column_means", [0.0] * L.shape[1]),
    off=params.adjust,
    weights=weights,
)
facts["share_along"] = shares.row(0, named=True)
tables.write_vectors(output.coordinates, tables.COORDINATES, models, Q, facts)
shares.write_csv(output.adjustment, separator="\t")
