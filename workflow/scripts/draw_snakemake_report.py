"""Let Snakemake draw its report of the map, its stability and the benchmarks."""

import json
import subprocess
import sys
from pathlib import Path

from modelmap.figures.html import within_scripts
from modelmap.log import log_to

log_to(snakemake.log[0])

# The report is made by a second Snakemake over the same config, defaults filled in: it reads
# what the first one noted about the files, so it takes no lock.
config = Path(snakemake.log[0]).with_suffix(".config.json")
config.write_text(json.dumps(snakemake.params.config))
command = [sys.executable, "-m", "snakemake", "--snakefile", snakemake.params.snakefile]
command += ["--configfile", str(config), "--nolock", "--report", snakemake.output[0]]
subprocess.run([*command, *snakemake.params.targets], check=True)
report = Path(snakemake.output[0])
report.write_text(within_scripts(report.read_text(encoding="utf-8")), encoding="utf-8")
