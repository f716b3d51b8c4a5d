"""Convert a checkpoint of InternVL's own layout, unless that was done before."""

from pathlib import Path

from modelmap import retrieve
from modelmap.log import log_to

log_to(snakemake.log[0])

checkpoint = retrieve.read(snakemake.input.model)
if checkpoint["status"] == "ok":
    from modelmap.models import internvl_chat  # torch only where it is needed

    retrieve.convert(checkpoint, internvl_chat.convert)
Path(snakemake.output[0]).touch()
