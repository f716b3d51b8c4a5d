"""Predict benchmark scores from coordinates, and list likelihoods that scores do not predict."""

from pathlib import Path

import polars as pl

from modelmap import benchmarks, predict, tables
from modelmap.figures import style
from modelmap.figures.prediction import prediction_figure
from modelmap.log import log_to

log_to(snakemake.log[0])

params, output = snakemake.params, snakemake.output
models = tables.read(snakemake.input.models, tables.MATRIX_MODELS)
samples = tables.read(snakemake.input.samples, tables.MATRIX_SAMPLES).filter("kept")
table = benchmarks.read_table(snakemake.input.table)
points, _ = benchmarks.join(table, models, params.models)
names, Q = tables.read_vectors(snakemake.input.coordinates, tables.COORDINATES)
case = predict.arrange(points, names, Q, params.models)
summary, predicted = predict.predict(case, **params.how)
leakage = predict.leakage(case)
summary.write_csv(output.summary, separator="\t")
predicted.write_csv(output.models, separator="\t")
predict.strongest_samples(case, samples).write_csv(output.samples, separator="\t")
leakage.write_csv(output.leakage, separator="\t")

drawn = {
    "prediction": (predicted, predict.panels(summary), "score", "predicted from the map"),
    "leakage": (*predict.leakage_panel(leakage), "of the model", "predicted from its scores"),
}
for name, (points, panels, x, y) in drawn.items():
    figure = prediction_figure(
        points, pl.DataFrame(params.models, infer_schema_length=None), panels, x_label=x, y_label=y
    )
    files = [file for file in output if Path(file).stem == name and not file.endswith(".tsv")]
    style.save(figure, *files)
