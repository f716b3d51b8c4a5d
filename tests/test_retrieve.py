"""What is known of a model before it is loaded, and what of it is removed again."""

import json
import shutil
from pathlib import Path

import pytest
from tiny import write_checkpoint

from modelmap import hub, retrieve

OPTIONS = {"revision": None, "path": None, "adapter": None, "adapter_path": None}
OPTIONS |= {"convert": None, "remote_code": None, "files": []}


@pytest.fixture
def describe(local_hub, tmp_path):
    """Describe org/tiny, a model on the hub, or another; org/lora is an adapter."""
    base = write_checkpoint(tmp_path / "base")
    local_hub.add("org/tiny", base)
    lora = write_checkpoint(tmp_path / "lora", **{"config.json": None, "adapter_config.json": {}})
    (lora / "model.safetensors").rename(lora / "adapter_model.safetensors")
    local_hub.add("org/lora", lora)
    shutil.copytree(base, tmp_path / "pickled")
    (tmp_path / "pickled/model.safetensors").rename(tmp_path / "pickled/pytorch_model.bin")
    local_hub.add("org/pickled", tmp_path / "pickled")
    own = {"model_type": "own", "auto_map": {"AutoModelForCausalLM": "modeling.Own"}}
    local_hub.add("org/own", write_checkpoint(tmp_path / "own", **{"config.json": own}))
    return lambda repo="org/tiny", **options: retrieve.describe(repo, **OPTIONS | options)


@pytest.fixture
def write(tmp_path):
    """Write what was described to a file, as the rule does."""

    def write(name, found):
        (tmp_path / f"{name}.json").write_text(json.dumps(found))
        return tmp_path / f"{name}.json"

    return write


def test_a_model_and_its_adapter_are_described_and_fetched_together(describe, local_hub):
    found = describe(adapter="org/lora")
    assert found["status"] == "ok"
    assert found["adapter"] == found["adapter_source"]["local_path"]
    assert {"model.safetensors", "adapter/adapter_model.safetensors"} < found["hashes"].keys()
    with pytest.raises(hub.Unreachable, match="org/tiny: model.safetensors is not in .* run again"):
        retrieve.expect_weights(found)
    local_hub.requests.clear()
    retrieve.fetch(found, images=True)
    assert local_hub.downloads() == ["model.safetensors", "adapter_model.safetensors"]
    retrieve.expect_weights(found)


@pytest.mark.parametrize(
    ("repo", "options", "reason"),
    [
        ("org/lora", {}, "org/lora is an adapter: name the model it is put on as repo"),
        ("org/tiny", {"adapter": "org/tiny"}, "adapter org/tiny: it is no adapter"),
        ("org/pickled", {}, "pickle-only: the weights are there as pytorch_model.bin alone"),
        ("org/own", {"remote_code": "0" * 40}, f"allows the code of commit {'0' * 40}, but main"),
        ("folder", {"path": ".", "remote_code": "0" * 40}, "remote_code is of hub ids"),
    ],
)
def test_what_is_no_model_that_may_be_loaded_is_refused(describe, repo, options, reason):
    found = describe(repo, **options)
    assert found["status"] == "refused"
    assert reason in found["reason"]


def test_code_is_refused_with_the_commit_that_would_allow_it(describe):
    found = describe("org/own")
    assert found["status"] == "refused"
    assert f"set remote_code to the commit, {found['commit']}" in found["reason"]
    assert describe("org/own", remote_code=found["commit"])["status"] == "ok"


def test_weights_stay_while_a_score_is_missing(describe, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole, missing = describe(), describe(adapter="org/lora")
    retrieve.fetch(missing, images=True)
    scores = {write("whole", whole): [__file__], write("missing", missing): ["no-such-score"]}
    said = retrieve.remove_weights(scores)
    assert said.startswith("1 models are scored and 1 are not")
    retrieve.expect_weights(missing)
    retrieve.remove_weights(dict.fromkeys(scores, [__file__]))
    assert hub.missing_files(whole) == ["model.safetensors"]
    assert hub.missing_files(missing["adapter_source"]) == ["adapter_model.safetensors"]


def test_the_hashes_tell_an_adapter_in_a_folder_that_was_trained_anew(describe, tmp_path):
    folder = tmp_path / "lora"
    files = sorted(map(str, folder.iterdir()))
    options = {"adapter": str(folder), "adapter_path": str(folder), "files": files}
    before = describe(**options)
    assert before["status"] == "ok"
    (folder / "adapter_model.safetensors").write_bytes(b"trained anew")
    assert describe(**options)["hashes"] != before["hashes"]


@pytest.mark.parametrize("kind", ["hub", "folder", "adapter"])
def test_a_node_without_a_models_files_fails_the_job_and_refuses_no_model(
    describe, tmp_path, monkeypatch, kind
):
    monkeypatch.chdir(tmp_path)
    of_a_folder = {"path": "./base", "files": ["base/config.json", "base/tokenizer.json"]}
    options = {"hub": {}, "folder": of_a_folder, "adapter": {"adapter": "org/lora"}}[kind]
    found = describe(**options)
    checkpoint = found | {"path": found["local_path"]}
    retrieve.expect_here(checkpoint)
    gone = Path(found["adapter"] if kind == "adapter" else found["local_path"])
    gone.rename(tmp_path / "on another node")
    with pytest.raises(hub.Unreachable, match=f"{gone.name}/.* is not on .* all nodes must share"):
        retrieve.load(checkpoint, {}, images=True, device="cpu", threads=1)


def test_a_commit_is_converted_once_and_anew_where_that_was_removed(
    describe, write, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    file, done = write("tiny", describe() | {"convert": "internvl_chat"}), []

    def converter(source, target):
        done.append(source)
        target.mkdir()
        (target / "model.safetensors").write_bytes(b"weights")

    checkpoint = retrieve.read(file)
    for _ in range(2):
        retrieve.convert(checkpoint, converter)
    assert done == [checkpoint["local_path"]]
    retrieve.remove_weights({file: []})
    assert not Path(checkpoint["path"]).exists()
    retrieve.convert(checkpoint, converter)
    retrieve.convert(checkpoint | {"commit": "another"}, converter)
    assert len(done) == 3


def test_why_a_checkpoint_cannot_be_converted_replaces_that_it_is_ok(describe, write, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "outcome").write_text('{"status": "refused", "reason": "it is odd"}')
    file = write("tiny", describe())
    assert retrieve.read(file, [tmp_path / "empty"])["status"] == "ok"
    assert retrieve.read(file, [tmp_path / "outcome"])["reason"] == "it is odd"


def test_of_a_language_model_nothing_is_fetched_for_images(describe, local_hub, tmp_path):
    blind = write_checkpoint(tmp_path / "blind", **{"config.json": {"model_type": "llama"}})
    local_hub.add("org/blind", blind)
    found = describe("org/blind")
    local_hub.requests.clear()
    retrieve.fetch(found, images=True)
    assert local_hub.requests == []
    retrieve.fetch(found, images=False)
    assert local_hub.downloads() == ["model.safetensors"]


def test_what_is_known_to_be_scored_wrongly_is_refused_before_its_weights(
    describe, local_hub, tmp_path
):
    wrong = write_checkpoint(tmp_path / "wrong", **{"config.json": {"model_type": "emu3"}})
    local_hub.add("org/wrong", wrong)
    found = describe("org/wrong")
    assert found["status"] == "refused"
    assert "emu3" in found["reason"]
    assert "model.safetensors" not in local_hub.downloads()
