"""Train one model of the zoo, and let it answer the questions of the zoo's benchmark."""

from pathlib import Path

from modelmap import tables
from modelmap.datasets import samples, scenes
from modelmap.log import log_to
from modelmap.models import loading
from modelmap.scoring import pipeline
from modelmap.zoo import training

log_to(snakemake.log[0])

parents = [str(Path(file).parent) for file in snakemake.input.parents]
folder, threads = Path(snakemake.output.answers).parent, snakemake.threads
training.train(
    snakemake.params.recipe,
    parents,
    folder,
    draw_pairs=scenes.draw_pairs,
    draw_texts=scenes.draw_texts,
    prompt=snakemake.params.prompt,
    threads=threads,
)
rows = tables.read(snakemake.input.questions, tables.SAMPLES).to_dicts()
shown = samples.variants(rows, ["given", "blank"], prompt="", everything=rows)
model = loading.load(folder, **training.AS_SAVED | {"share_prefix": "auto"}, threads=threads)
answers = pipeline.score(model, shown, batch_tokens=model.suggested_batch_tokens)
tables.write(snakemake.output.answers, tables.SCORES, answers)
