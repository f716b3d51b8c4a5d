"""Turn the log-likelihoods of kept models and samples into coordinates."""

from modelmap import tables
from modelmap.geometry import centering
from modelmap.log import log_to

log_to(snakemake.log[0])

schema = tables.VISUAL if snakemake.params.information else tables.MATRIX
models, samples, L = tables.read_kept(**snakemake.input, schema=schema)
facts = {"samples": samples["sample_id"].to_list(), "clip": snakemake.params.clip}
if len(L):
    if snakemake.params.clip:
        L, threshold, share = centering.clip(L, quantile=snakemake.params.clip)
        facts |= {"threshold": threshold, "share_clipped": dict(zip(models, share, strict=True))}
    facts["column_means"] = L.mean(axis=0).tolist()
    L = centering.double_center(L)
tables.write_vectors(snakemake.output[0], tables.COORDINATES, models, L, facts)
