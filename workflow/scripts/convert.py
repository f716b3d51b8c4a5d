"""Convert a checkpoint of InternVL's own layout, unless that was done before, or say why not."""

import json
from pathlib import Path

from modelmap import retrieve
from modelmap.log import log_to

log_to(snakemake.log[0])

checkpoint = retrieve.read(snakemake.input.model)
outcome = {}
if checkpoint["status"] == "ok":
    from modelmap.models import internvl_chat  # torch only where it is needed
    from modelmap.models.model import Refused

    try:
        retrieve.convert(checkpoint, internvl_chat.convert)
    except Refused as error:
        outcome = {"status": error.status, "reason": str(error)}
Path(snakemake.output[0]).write_text(json.dumps(outcome))
