"""Note where a model's checkpoint is and what it consists of."""

import hashlib
import json
from pathlib import Path

from modelmap.log import log_to

log_to(snakemake.log[0])

repo, path, adapter = (snakemake.params[key] for key in ("repo", "path", "adapter"))
if path is None:
    reason = f"{repo} is no folder, and models are not downloaded from a hub yet; give a folder"
elif not Path(path).is_dir():
    reason = f"the folder {path} does not exist"
elif adapter and not Path(adapter, "adapter_config.json").exists():
    reason = f"{adapter} is no adapter: it has no adapter_config.json"
else:
    reason = None
hashes = {}
for file in snakemake.input:
    with open(file, "rb") as content:
        hashes[file] = hashlib.file_digest(content, "sha256").hexdigest()
found = {
    "repo": repo,
    "revision": snakemake.params.revision,
    "commit": None,
    "local_path": path,
    "adapter": adapter,
    "hashes": hashes,
    "status": "missing" if reason else "ok",
    "reason": reason,
}
Path(snakemake.output[0]).write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
