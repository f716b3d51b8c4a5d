"""Train one model of the zoo."""

from pathlib import Path

from modelmap.datasets import scenes
from modelmap.log import log_to

log_to(snakemake.log[0])

from modelmap.zoo import training  # noqa: E402 - after the log is open: torch and transformers may warn

training.make(
    snakemake.params.recipe,
    [str(Path(file).parent) for file in snakemake.input],
    Path(snakemake.output[0]).parent,
    draw_pairs=scenes.draw_pairs,
    draw_texts=scenes.draw_texts,
    prompt=snakemake.params.prompt,
    threads=snakemake.threads,
)
