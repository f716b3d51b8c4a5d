"""Measure KL divergence of pairs of models by tokens and by texts."""

from pathlib import Path

import numpy as np

from modelmap import tables, theory
from modelmap.log import log_to

log_to(snakemake.log[0])

level, output = snakemake.params.level, snakemake.output
samples = tables.read(snakemake.input.samples, tables.SAMPLES, columns=["sample_id", "group"])
groups = dict(samples.select("sample_id", "group").iter_rows())
texts = {Path(file).stem: tables.read(file, tables.TEXTS) for file in snakemake.input.texts}
texts = {model: written for model, written in texts.items() if not written.is_empty()}
judged, distributions = {}, {}
for file in map(Path, snakemake.input.judged):
    judged[file.stem], facts = tables.read(file, tables.SCORES), tables.provenance(file)
    if "ids" in facts:
        log_p = np.load(file.with_suffix(".npy"), mmap_mode="r")
        distributions[file.stem] = log_p, facts["ids"], facts["vocabulary"]
token = theory.token_level(distributions, groups, level=level)
token.write_csv(output.token, separator="\t")
text = theory.text_level(texts, judged, groups, level=level)
text.write_csv(output.text, separator="\t")
theory.writers(texts).write_csv(output.writers, separator="\t")
