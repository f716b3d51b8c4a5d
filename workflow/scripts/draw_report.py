"""Tell the run in one page: what was made, what it shows, how, and what failed."""

from pathlib import Path

from modelmap.log import log_to
from modelmap.report.pages import report

log_to(snakemake.log[0])

params, given = snakemake.params, snakemake.input
workflow = Path(snakemake.scriptdir).resolve().parent  # "…/rules/../scripts"
results = [[file, *row] for file, row in zip(given.results, params.results, strict=True)]
results += [row for *row, _ in params.theory]
files = [*(file for file in given if file not in given.texts), *(row[0] for row in params.theory)]
methods = params.told["methods"]
embeddings = zip(*[iter(given.embeddings)] * len(methods), strict=True)
facts = (given.models, given.samples, given.distances, embeddings)
maps = {
    name: {
        "models": models,
        "samples": samples,
        "distances": distances,
        "embeddings": dict(zip(methods, embedded, strict=True)),
    }
    for name, models, samples, distances, embedded in zip(params.maps, *facts, strict=True)
}
page = report(
    results,
    maps,
    page=Path(snakemake.output[0]),
    texts=Path(given.texts[0]).parent,
    root=workflow.parent,
    told=params.told,
    status=Path(given.status),
    gates=[Path(folder) for folder in given.gates],
    files=[Path(file) for file in files],
)
Path(snakemake.output[0]).write_text(page, encoding="utf-8")
