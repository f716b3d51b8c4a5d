"""Say what stands behind a map: a tree, undeclared parents, recipes, what the sheet knows."""

from pathlib import Path

import polars as pl

from modelmap import structure, tables
from modelmap.labels import labels
from modelmap.figures import shifts, style, tree
from modelmap.log import log_to

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
sheet = pl.DataFrame(params.models, infer_schema_length=None)
models, Q = tables.read_vectors(snakemake.input.coordinates, tables.COORDINATES)
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")
noise = tables.read(snakemake.input.models, tables.MATRIX_MODELS).select("model", "noise_nats2")
on, weights = structure.placed(models, Q, params.models), tables.weights(samples)

groups = samples["group"].to_numpy()
newick, nodes, note = structure.grow(on, groups, **params.how, weights=weights)
Path(output.newick).write_text(newick, encoding="utf-8")
figure, drawn = tree.tree_figure(nodes, sheet, note=note)
style.save(figure, output.tree, *output.trees, data=drawn)

facts = tables.provenance(snakemake.input.coordinates)
difficulty = facts.get("column_means", [0.0] * Q.shape[1])  # none without a model
recipes, arrows, shares = structure.recipes(
    on, difficulty, dict(noise.rows()), n_permutations=params.n_permutations, weights=weights
)
recipes.write_csv(output.lineage, separator="\t")
arrows.write_csv(output.shifts, separator="\t")
figure = shifts.shifts_figure(arrows, recipes, sheet, shares=shares)
style.save(figure, output.arrows, *output.all_arrows)

suspects = structure.suspect_pairs(on, level=params.level)
suspects.write_csv(output.suspects, separator="\t")
variance = structure.variance(on, n_permutations=params.n_permutations)
variance.write_csv(output.variance, separator="\t")
together = labels(on, n_permutations=params.n_permutations)
together.write_csv(output.labels, separator="\t")
