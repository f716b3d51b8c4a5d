"""Note where a model's checkpoint is and what it consists of."""

import json
from pathlib import Path

from modelmap import retrieve
from modelmap.log import log_to

log_to(snakemake.log[0])

found = retrieve.describe(**snakemake.params.source, files=snakemake.input)
found |= {"attempt": snakemake.params.attempt}
Path(snakemake.output[0]).write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
