"""What a repo of a stranger may try before anything of it is loaded: names, sizes, JSON."""

import json

import pytest
from local_hub import File
from tiny import write_checkpoint

from modelmap import hub

OUTSIDE = ["../../../evil.json", "/etc/evil.json", "a/../../evil.json", "a//b.json", "x" * 256]


@pytest.fixture
def repo(local_hub, tmp_path):
    """A sound repo on the hub, whose files may be changed."""
    served = local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", n_shards=2))
    return served.commits[served.refs["main"]]


def refusal():
    found = hub.resolve("org/tiny")
    assert found["status"] == "refused", found
    return found["reason"]


def serve(repo, name, content):
    repo[name] = File(name, content)


@pytest.mark.parametrize("name", [*OUTSIDE, "a\0b.json"])
def test_a_repo_that_lists_a_file_outside_is_refused_and_nothing_downloaded(
    repo, local_hub, tmp_path, name
):
    serve(repo, name, b"{}")
    assert "which can lie in no folder of its own" in refusal()
    assert local_hub.downloads() == []
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("name", OUTSIDE)
def test_weights_outside_are_not_fetched(repo, local_hub, name):
    serve(repo, "model.safetensors.index.json", json.dumps({"weight_map": {"w": name}}).encode())
    serve(repo, "config.json", json.dumps({"transformers_weights": name}).encode())
    assert f"names {name}, which is not there" in refusal()
    assert set(local_hub.downloads()) <= repo.keys()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("config.json", {"transformers_weights": "adapter_model.bin"}),
        ("model.safetensors.index.json", {"weight_map": {"w": "adapter_model.bin"}}),
    ],
)
def test_a_pickle_is_not_fetched_whatever_names_it(repo, local_hub, file, said):
    serve(repo, file, json.dumps(said).encode())
    serve(repo, "adapter_model.bin", b"x")
    assert "said to be adapter_model.bin, no safetensors" in refusal()
    assert "adapter_model.bin" not in local_hub.downloads()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors.index.json"])
def test_what_is_no_weights_is_not_large(repo, local_hub, monkeypatch, name):
    monkeypatch.setattr(hub, "MOST_BYTES", 1000)
    serve(repo, name, b" " * 1001)
    assert f"{name} has 1,001 bytes; of files that are no weights at most 1,000" in refusal()
    assert name not in local_hub.downloads()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[" * 10**5, "config.json is not JSON: maximum recursion depth"),
        (b'{"model_type": ["llava"]}', "config.json: model_type is no text"),
        (b'{"transformers_weights": {}}', "config.json: transformers_weights is no text"),
        (b'{"model_type": "a\\u001b[2J\\nb"}', r"does not load model_type a\x1b[2J b"),
        (b'{"model_type": "%s"}' % (b"x" * 10**6), "xxx…"),
        (b'{"model_type": "%s"}' % (b"://" * 10**6), "://…"),
    ],
)
def test_a_config_that_is_a_trap_is_a_row_with_a_reason(repo, content, said):
    serve(repo, "config.json", content)
    found = hub.resolve("org/tiny", known_types={"llava"})
    assert found["status"] == "refused"
    assert said in found["reason"]
    assert len(found["reason"]) < 3000
