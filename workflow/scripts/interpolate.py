"""Score models whose weights lie between those of three checkpoints of the zoo."""

import copy

import numpy as np
import polars as pl

from modelmap import tables, theory
from modelmap.datasets import samples
from modelmap.figures import divergences, style
from modelmap.log import log_to
from modelmap.models import loading
from modelmap.scoring import pipeline
from modelmap.zoo import interpolation, training

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
kept = tables.read(snakemake.input.kept, tables.MATRIX_SAMPLES).filter("kept")
rows = tables.read(snakemake.input.samples, tables.SAMPLES).join(kept, "sample_id", how="semi")
rows = samples.one_per_group(rows.to_dicts(), params.n_samples)
points, angles = [theory.between(("", "", ""), [(0, 0), (1, 0), (0, 1)], np.zeros((3, 1)))[:0]], {}
for roles in params.corners:
    corners = [roles[role] for role in ("origin", "first", "second")]
    names = tuple(corner["model"] for corner in corners)
    how = training.AS_SAVED | {"share_prefix": "auto", "threads": snakemake.threads}
    models = [loading.load(corner["path"], **how) for corner in corners]
    networks, between = [model.network for model in models], copy.deepcopy(models[0])
    given = samples.variants(rows, ["given"], prompt=params.prompts[names[0]], everything=rows)
    score = pipeline.repeatedly(between, given, batch_tokens=between.suggested_batch_tokens)
    L = []
    for a, b in interpolation.GRID:
        interpolation.interpolate(between.network, networks, a, b)
        L.append(score())
    points.append(theory.between(names, interpolation.GRID, np.array(L)))
    angles[names] = interpolation.angle(networks)
points = pl.concat(points)
summary = theory.interpolation_summary(points, angles)
points.write_csv(output.points, separator="\t")
summary.write_csv(output.summary, separator="\t")
figure = divergences.interpolation_figure(points, summary)
style.save(figure, output.figure, *output.figures)
