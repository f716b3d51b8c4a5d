"""The hub of the tests: what huggingface_hub and datasets ask, in a user's environment."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi
from PIL import Image
from tiny import write_checkpoint

from modelmap import hub

pytestmark = pytest.mark.slow

SECRET = "hf_theSecretToken"


def run(code, environment):
    """Run Python in a process of its own, which must succeed."""
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_usual_environment_is_honored(local_hub, tmp_path):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"), access="gated", token=SECRET)
    code = "import json\nfrom modelmap import hub\nfound = hub.resolve('org/tiny')\n"
    code += "hub.TELL_EVERY = 0\nhub.fetch(found)\nprint(json.dumps(found))"
    environment = local_hub.environment(tmp_path / "home")
    done = run(code, environment | {"HF_TOKEN": SECRET})
    found = json.loads(done.stdout)
    assert Path(found["local_path"]).is_relative_to(tmp_path / "home" / "hub")
    assert hub.missing_files(found) == []
    size = found["sizes"]["model.safetensors"]
    assert f"org/tiny: downloading model.safetensors ({size:,} bytes)\n" in done.stderr
    assert re.search(r"^.*model\.safetensors: \S+ of \S+, .*B/s, \S+ left$", done.stderr, re.M)
    assert SECRET not in done.stdout + done.stderr
    again = run(code, environment | {"HF_HUB_OFFLINE": "1"})
    assert json.loads(again.stdout)["hashes"] == found["hashes"]


def test_the_server_speaks_the_rest_of_the_protocol(local_hub, tmp_path):
    repo = local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", **{"sub/x.json": "{}"}))
    api = HfApi()
    top = {entry.path for entry in api.list_repo_tree("org/tiny")}
    assert top == {"config.json", "tokenizer.json", "model.safetensors", "sub"}
    assert [entry.path for entry in api.list_repo_tree("org/tiny", "sub")] == ["sub/x.json"]
    weights, folder = api.get_paths_info("org/tiny", ["model.safetensors", "sub", "none"])[::-1]
    weights, folder = (weights, folder) if weights.path != "sub" else (folder, weights)
    assert weights.lfs.sha256 == hub.resolve("org/tiny")["hashes"]["model.safetensors"]
    assert folder.path == "sub"
    assert api.list_repo_refs("org/tiny").branches[0].target_commit == repo.refs["main"]


def test_datasets_reads_from_the_server(local_hub, tmp_path):
    columns = {"image": [], "caption": list("abc")}
    for width in (8, 9, 10):
        file = io.BytesIO()
        Image.new("RGB", (width, 8)).save(file, "PNG")
        columns["image"].append({"bytes": file.getvalue(), "path": "a.png"})
    features = {"image": {"_type": "Image"}, "caption": {"dtype": "string", "_type": "Value"}}
    facts = {"huggingface": json.dumps({"info": {"features": features}})}
    (tmp_path / "d" / "data").mkdir(parents=True)
    table = pa.table(columns).replace_schema_metadata(facts)
    pq.write_table(table, tmp_path / "d" / "data" / "test-00000-of-00001.parquet")
    local_hub.add("org/photos", tmp_path / "d", kind="datasets")
    code = """
import datasets
for streaming in (True, False):
    rows = datasets.load_dataset("org/photos", split="test", streaming=streaming)
    print([(row["caption"], row["image"].size) for row in rows])
"""
    done = run(code, local_hub.environment(tmp_path / "home"))
    rows = "[('a', (8, 8)), ('b', (9, 8)), ('c', (10, 8))]"
    assert done.stdout.splitlines() == [rows, rows]
