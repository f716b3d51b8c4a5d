"""Tell what scoring each dataset with one model will cost, before its weights are there."""

import json
from pathlib import Path

from modelmap import retrieve
from modelmap.log import log_to

log_to(snakemake.log[0])

checkpoint, datasets = retrieve.read(snakemake.input[0]), snakemake.params.datasets
note = None if checkpoint["status"] == "ok" else f"{checkpoint['status']}: {checkpoint['reason']}"
if checkpoint["status"] == "ok" and not Path(checkpoint["path"], "config.json").exists():
    note = "it is converted first"
if note:
    found = dict.fromkeys(datasets, (None, note))
else:
    from modelmap.models import cost  # torch only where it is needed

    found = cost.of_datasets(checkpoint["path"], datasets, **snakemake.params.options)
Path(snakemake.output[0]).write_text(json.dumps(found, indent=2) + "\n")
