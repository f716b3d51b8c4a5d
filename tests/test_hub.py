"""Models from a hub: what is fetched, what is refused and why, what is removed again."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save_file
from tiny import write_checkpoint

from modelmap import hub

SECRET = "hf_theSecretToken"


def test_what_is_needed_is_fetched_and_nothing_else(local_hub, tmp_path):
    needed = {"chat_template.jinja": "{{ x }}", "tokenizer.model": "x", "merges.txt": "a b"}
    needed |= {"additional_chat_templates/tool.jinja": "{{ y }}"}
    other = ("README.md", "a.png", "model.gguf", "pytorch_model.bin", "onnx/config.json", "m.py")
    other += ("original/params.json", "stray.safetensors", "consolidated.safetensors.index.json")
    folder = write_checkpoint(tmp_path / "a", n_shards=3, **needed, **dict.fromkeys(other, "x"))
    commit = local_hub.add("org/tiny", folder).refs["main"]

    found = hub.resolve("org/tiny", known_types={"llava"})
    index = "model.safetensors.index.json"
    small = sorted(["config.json", index, "tokenizer.json", *needed])
    assert sorted(local_hub.downloads()) == small
    shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    assert hub.missing_files(found) == found["weights"] == shards
    assert found["files"] == sorted(small + shards)
    assert found["sizes"] == {name: (folder / name).stat().st_size for name in found["files"]}
    assert found["n_bytes"] == sum(found["sizes"].values())
    assert (found["commit"], found["n_parameters"]) == (commit, 3000)
    assert found["status"] == "ok"
    assert found["reason"] is found["renamed_to"] is None
    assert json.loads(json.dumps(found)) == found

    local_hub.requests.clear()
    hub.fetch(found)
    assert sorted(local_hub.downloads()) == shards
    assert Path(found["local_path"]).is_absolute()
    for name in found["files"]:
        assert Path(found["local_path"], name).read_bytes() == (folder / name).read_bytes()


def test_the_hashes_are_those_of_sha256sum_and_git(local_hub, tmp_path):
    folder = write_checkpoint(tmp_path / "a")
    local_hub.add("org/tiny", folder)
    hashes = hub.resolve("org/tiny")["hashes"]
    for command, name in (("sha256sum", "model.safetensors"), ("git hash-object", "config.json")):
        done = subprocess.run([*command.split(), folder / name], capture_output=True, check=True)
        assert hashes[name] == done.stdout.split()[0].decode()


def test_a_second_run_downloads_nothing(local_hub, tmp_path, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    first = retrieve()
    local_hub.requests.clear()
    assert hub.resolve("org/tiny") == first
    assert local_hub.downloads() == []
    local_hub.requests.clear()
    hub.fetch(first)
    assert local_hub.requests == []


def test_a_file_that_is_gone_is_fetched_again(local_hub, tmp_path, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    found = retrieve()
    Path(found["local_path"], "tokenizer.json").unlink()
    assert hub.missing_files(found) == ["tokenizer.json"]
    hub.fetch(found)
    assert hub.missing_files(found) == []


def test_branch_tag_and_commit(local_hub, tmp_path, retrieve):
    repo = local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    first = repo.refs["main"]
    repo.refs["v1"] = first
    second = repo.push(write_checkpoint(tmp_path / "b", seed=1))
    third = repo.push(write_checkpoint(tmp_path / "c", seed=2), ref="refs/pr/1")
    commits = {None: second, "main": second, "v1": first, first: first, "refs/pr/1": third}
    for revision, commit in commits.items():
        found = retrieve(revision=revision)
        assert found["commit"] == commit
        assert found["local_path"].endswith(commit)
    found = hub.resolve("org/tiny", "v2")
    assert found["status"] == "missing"
    assert "org/tiny has no revision v2" in found["reason"]


def test_a_renamed_repo_is_followed_and_told(local_hub, tmp_path, retrieve):
    local_hub.add("org/old", write_checkpoint(tmp_path / "a"))
    local_hub.rename("org/old", "new/name")
    found = retrieve("org/old")
    assert found["renamed_to"] == "new/name"
    assert found["reason"] == "renamed on the hub to new/name"


def test_gated(local_hub, tmp_path, monkeypatch, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"), access="gated", token=SECRET)
    found = hub.resolve("org/tiny")
    assert (found["status"], found["local_path"], found["weights"]) == ("gated", None, [])
    assert "accept the terms at https://huggingface.co/org/tiny, then" in found["reason"]
    assert "`hf auth login` or set HF_TOKEN" in found["reason"]
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    found = hub.resolve("org/tiny")
    assert found["status"] == "gated"
    assert "your token does not open it" in found["reason"]
    assert "hf_another" not in str(found)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    found = retrieve()
    assert SECRET not in str(found)


def test_a_token_that_was_saved_is_used(local_hub, tmp_path, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"), access="private", token=SECRET)
    found = hub.resolve("org/tiny")
    assert found["status"] == "missing"
    assert "org/tiny is not on the hub, or private" in found["reason"]
    (tmp_path / "token").write_text(SECRET)
    retrieve()


@pytest.mark.parametrize(
    ("repo", "reason"),
    [
        ("org/none", "org/none is not on the hub, or private"),
        ("gpt-4o", "a hub id is owner/name; models behind an API give no log-likelihoods"),
        ("a/b/c", "a/b/c is no hub id, which is owner/name"),
        ("org/off", "org/off is disabled on the hub"),
    ],
)
@pytest.mark.parametrize("token", [None, SECRET])
def test_missing(local_hub, tmp_path, monkeypatch, repo, reason, token):
    local_hub.add("org/off", write_checkpoint(tmp_path / "a"), access="disabled")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    found = hub.resolve(repo)
    assert found["status"] == "missing"
    assert reason in found["reason"]
    assert found["commit"] is found["local_path"] is None


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"config.json": None}, "no config.json: found model.safetensors, tokenizer.json"),
        ({"config.json": "{"}, "config.json is not JSON"),
        ({"config.json": "[]"}, "config.json is no JSON object"),
        ({"config.json": {}}, "transformers does not load model_type None"),
        ({"config.json": {"model_type": "new"}}, "transformers does not load model_type new"),
    ],
)
def test_a_config_that_cannot_be_loaded_is_refused(local_hub, tmp_path, files, reason):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", **files))
    found = hub.resolve("org/tiny", known_types={"llava"})
    assert found["status"] == "refused"
    assert reason in found["reason"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"pytorch_model.bin": "x", "training_args.bin": "x"}, "pickle-only: the weights are"),
        ({"training_args.bin": "x", "m.gguf": "x"}, "no weights: expected model.safetensors or"),
        ({"model.safetensors.index.json": {}}, "has no weight_map"),
        ({"model.safetensors.index.json": {"weight_map": {"w": "x"}}}, "names x, which is not"),
        ({"adapter_config.json": {}, "adapter_model.bin": "x"}, "pickle-only: the weights are"),
    ],
)
def test_weights_that_are_not_loaded_are_refused(local_hub, tmp_path, files, reason):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", n_shards=0, **files))
    found = hub.resolve("org/tiny")
    assert found["status"] == "refused"
    assert reason in found["reason"]
    assert not {"pytorch_model.bin", "adapter_model.bin"} & set(local_hub.downloads())


@pytest.mark.parametrize("config", [None, {"model_type": "internvl_chat", "auto_map": {}}])
def test_an_adapter(local_hub, tmp_path, config, retrieve):
    files = {"config.json": config, "adapter_config.json": {"peft_type": "LORA"}}
    folder = write_checkpoint(tmp_path / "a", n_shards=0, **files)
    save_file({"w": np.zeros(10, np.float32)}, folder / "adapter_model.safetensors")
    local_hub.add("org/tiny", folder)
    assert retrieve(known_types=set())["weights"] == ["adapter_model.safetensors"]


def test_a_model_beside_its_adapter_is_a_model(local_hub, tmp_path):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", **{"adapter_config.json": {}}))
    assert hub.resolve("org/tiny")["weights"] == ["model.safetensors"]


def test_of_two_kinds_of_weights_those_are_fetched_that_are_read(local_hub, tmp_path):
    folder = write_checkpoint(write_checkpoint(tmp_path / "a", n_shards=2))
    local_hub.add("org/tiny", folder)
    assert hub.resolve("org/tiny")["weights"] == ["model.safetensors"]
    config = {"model_type": "llava", "transformers_weights": "model-00001-of-00002.safetensors"}
    local_hub.add("org/named", write_checkpoint(folder, **{"config.json": config}))
    assert hub.resolve("org/named")["weights"] == ["model-00001-of-00002.safetensors"]


def test_code_of_its_own(local_hub, tmp_path, retrieve):
    config = {"model_type": "new", "auto_map": {"AutoModel": "modeling_new.New"}}
    files = {"config.json": config, "modeling_new.py": "class New: pass"}
    commit = local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", **files)).refs["main"]
    found = hub.resolve("org/tiny", known_types={"llava"})
    assert found["status"] == "refused"
    assert "needs its own code (auto_map): transformers does not load" in found["reason"]
    assert "remote_code" in found["reason"]
    assert commit in found["reason"]
    found = hub.resolve("org/tiny", known_types={"llava"}, remote_code="f" * 40)
    assert found["status"] == "refused"
    assert "f" * 40 in found["reason"]
    assert commit in found["reason"]
    assert "modeling_new.py" not in local_hub.downloads()
    found = retrieve(known_types={"llava"}, remote_code=commit)
    assert "modeling_new.py" in found["files"]
    native = hub.resolve("org/tiny", known_types={"llava", "new"})
    assert native["status"] == "ok"
    assert "modeling_new.py" not in native["files"]


def test_a_foreign_format_is_taken_where_it_is_converted(local_hub, tmp_path, retrieve):
    config = {"model_type": "internvl_chat", "auto_map": {"AutoModel": "modeling_x.X"}}
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", **{"config.json": config}))
    local_hub.add("org/llava", write_checkpoint(tmp_path / "b"))
    found = hub.resolve("org/tiny", known_types={"llava"})
    assert found["status"] == "refused"
    assert "set convert to internvl_chat in the sheet" in found["reason"]
    assert retrieve(known_types={"llava"}, convert="internvl_chat")["status"] == "ok"
    found = hub.resolve("org/llava", known_types={"llava"}, convert="internvl_chat")
    assert found["status"] == "refused"
    assert "the model_type is llava; leave convert empty" in found["reason"]


def test_offline_with_the_cache(local_hub, tmp_path, monkeypatch, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", n_shards=2))
    found = retrieve()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    local_hub.requests.clear()
    assert hub.resolve("org/tiny") == found | {"n_parameters": None}
    assert hub.resolve("org/tiny", found["commit"])["commit"] == found["commit"]
    refused = hub.resolve("org/tiny", known_types={"gemma3"})
    assert refused["status"] == "refused"
    hub.remove_weights([found])
    with pytest.raises(hub.Unreachable, match=r"offline.*names model-00001-of-00002"):
        hub.resolve("org/tiny")
    with pytest.raises(hub.Unreachable, match=r"offline.*the cache does not have all its files"):
        hub.fetch(found)
    with pytest.raises(hub.Unreachable, match=r"offline.*does not know its revision v1"):
        hub.resolve("org/tiny", "v1")
    assert local_hub.requests == []


def test_removed_weights_free_the_disk_and_come_back(local_hub, tmp_path, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", n_shards=2))
    found = retrieve()
    freed = hub.remove_weights([found])
    assert freed == sum(found["sizes"][name] for name in found["weights"])
    assert hub.missing_files(found) == found["weights"]
    blobs = Path(constants.HF_HUB_CACHE).rglob("blobs/*")
    assert [path for path in blobs if path.stat().st_size > 1000] == []
    assert hub.remove_weights([found]) == 0
    hub.fetch(found)
    assert hub.missing_files(found) == []


def test_weights_that_others_need_stay(local_hub, tmp_path, retrieve):
    repo = local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", n_shards=2))
    first = retrieve()
    write_checkpoint(tmp_path / "a", n_shards=2, **{"tokenizer.json": {"version": 2}})
    save_file({"w0": np.ones(1000, np.float32)}, tmp_path / "a" / first["weights"][0])
    repo.push(tmp_path / "a")
    second = retrieve()
    assert hub.remove_weights([first], keep=[first]) == 0
    assert hub.remove_weights([first]) == first["sizes"][first["weights"][0]]
    assert hub.missing_files(second) == []
    assert hub.missing_files(first) == first["weights"]


def test_nothing_outside_the_cache_is_deleted(local_hub, tmp_path, monkeypatch, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    found = retrieve()
    folder = {"local_path": str(tmp_path / "a"), "weights": ["model.safetensors"]}
    path = os.path.relpath(tmp_path / "a", found["local_path"])
    around = {"local_path": found["local_path"], "weights": [f"{path}/model.safetensors"]}
    refused = {"local_path": None, "weights": []}
    assert hub.remove_weights([folder, refused]) == 0
    with pytest.raises(OSError, match="is not deleted"):
        hub.remove_weights([around])
    assert (tmp_path / "a" / "model.safetensors").exists()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "another"))
    assert hub.remove_weights([found]) == 0
    assert hub.missing_files(found) == []
    hub.fetch(found)
    shutil.rmtree(found["local_path"])
    with pytest.raises(hub.Unreachable, match="is not in the cache"):
        hub.fetch(found)


def test_a_damaged_cache_is_told(local_hub, tmp_path, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    found = retrieve()
    (Path(found["local_path"]).parents[1] / "refs" / "lost").write_text("0" * 40)
    with pytest.raises(OSError, match="the cache is damaged") as error:
        hub.remove_weights([found])
    assert "refer to missing commit hashes" in str(error.value)
    assert hub.missing_files(found) == []
