"""Tell the run in one page: what was made, what it shows, how, and what failed."""

from pathlib import Path

from modelmap.log import log_to
from modelmap.report.pages import report

log_to(snakemake.log[0])

params, output = snakemake.params, Path(snakemake.output[0])
page = report(
    params.results,
    params.maps,
    page=output,
    texts=Path(snakemake.scriptdir).parent / "report",
    root=Path(snakemake.scriptdir).parents[1],
    told=params.told,
    status=Path(snakemake.input.status),
    gates=[Path(folder) for folder in snakemake.input.gates],
    files=[Path(file) for file in snakemake.input],
)
output.write_text(page, encoding="utf-8")
