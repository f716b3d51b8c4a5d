"""Place the models in two dimensions by one method, or say why that cannot be done."""

from modelmap import tables
from modelmap.geometry import embedding
from modelmap.geometry.divergence import squared_distances
from modelmap.log import log_to

log_to(snakemake.log[0])

method = snakemake.wildcards.method
models, Q = tables.read_vectors(snakemake.input[0], tables.COORDINATES)
try:
    placed = embedding.embed(Q, method, **snakemake.params.settings)
except embedding.TooFewModels as error:
    rows, facts = [], {"absent": str(error)}
else:
    rows = [
        {"model": model, "x": x, "y": y}
        for model, (x, y) in zip(models, placed.coordinates, strict=True)
    ]
    d2 = squared_distances(Q)
    facts = {
        "parameters": placed.parameters,
        "trustworthiness": embedding.trustworthiness(d2, placed.coordinates, n_neighbors=5),
        "neighbor_overlap": embedding.neighbor_overlap(d2, placed.coordinates, n_neighbors=5),
    }
    if placed.explained_variance is not None:
        facts["explained_variance"] = placed.explained_variance.tolist()
tables.write(snakemake.output[0], tables.EMBEDDING, rows, {"method": method, **facts})
