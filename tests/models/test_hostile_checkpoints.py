"""What a checkpoint of a stranger may try: pickles, code, the network, files that are not its own.

Every attack writes a file if it comes through.
"""

import json
import os
import pickle
import shutil
import socket
import sys

import numpy as np
import pytest
import torch
from families import build
from safetensors.torch import load_file
from tiny import Sample, load, noise

from modelmap.models import internvl_weights, loading
from modelmap.models.confinement import confined
from modelmap.models.model import Refused
from modelmap.scoring import job
from modelmap.scoring.likelihood import score_samples

CODE = "open({!r}, 'w').close()\n\n\nclass C:\n    pass\n"
TIMM = {"model_type": "timm_wrapper", "architecture": "resnet18"}
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


class Evil:
    """A pickle that runs a command."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound") / "llava"
    build.save("llava", folder)
    return folder


@pytest.fixture
def llava(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "llava")


@pytest.fixture
def proof(tmp_path):
    """What is there if an attack came through."""
    yield tmp_path / "proof"
    assert not (tmp_path / "proof").exists()


def change(file, **settings):
    said = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(said | settings))


def refusal(folder, **options):
    with pytest.raises(Refused) as error:
        load(folder, **options)
    return str(error.value)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.pth", "x.ckpt"])
def test_pickled_weights_are_not_looked_at(llava, proof, name):
    (llava / WEIGHTS).unlink()
    (llava / name).write_bytes(pickle.dumps(Evil(proof)))
    assert "no file named model.safetensors" in refusal(llava)


def test_a_pickle_under_the_name_of_safetensors_is_broken(llava, proof):
    (llava / WEIGHTS).write_bytes(pickle.dumps(Evil(proof)))
    assert "SafetensorError" in refusal(llava)


def test_a_pickle_beside_safetensors_is_not_looked_at(llava, proof):
    for name in ("pytorch_model.bin", "training_args.bin", "tokenizer.pkl", "vocab.pkl"):
        (llava / name).write_bytes(pickle.dumps(Evil(proof)))
    assert load(llava).network


@pytest.mark.parametrize("harmless", [True, False])
def test_no_config_makes_a_pickle_the_weights(llava, proof, harmless):
    """transformers takes `adapter_model.bin`, though it is told to take safetensors."""
    weights = load_file(llava / WEIGHTS)
    (llava / WEIGHTS).unlink()
    torch.save(weights if harmless else Evil(proof), llava / "adapter_model.bin")
    change(llava / "config.json", transformers_weights="adapter_model.bin")
    assert "it wants pickled weights" in refusal(llava)


def test_an_adapter_beside_a_model_is_not_unpickled(llava, proof):
    (llava / "adapter_model.bin").write_bytes(pickle.dumps(Evil(proof)))
    adapter = {"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}
    change(llava / "adapter_config.json", base_model_name_or_path="org/other", **adapter)
    assert "adapter_model" in refusal(llava)


def test_timm_is_given_no_checkpoint_of_its_own(llava, proof):
    (llava / "x.pth").write_bytes(pickle.dumps(Evil(proof)))
    inside = TIMM | {"model_args": {"checkpoint_path": str(llava / "x.pth")}}
    change(llava / "config.json", vision_config=inside)
    assert "it wants pickled weights" in refusal(llava)


def test_what_a_config_names_on_the_network_is_not_asked_for(llava, monkeypatch):
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda *to: asked.append(to))
    change(llava / "config.json", vision_config=TIMM | {"architecture": "hf-hub:org/network"})
    said = "it looks for a machine on the network (socket.getaddrinfo: huggingface.co)"
    assert said in refusal(llava)
    sound_processor = (llava / "processor_config.json").read_text()
    audio = {"audio_tokenizer_class": "DacModel", "audio_tokenizer_name_or_path": "org/audio"}
    (llava / "processor_config.json").write_text(
        json.dumps(json.loads(sound_processor) | {"audio_tokenizer": audio})
    )
    with pytest.raises(Refused):
        loading._read_processor(llava, loading.AutoProcessor, remote_code=False)
    assert asked == []


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
@pytest.mark.parametrize("part", [None, "text_config", "vision_config"])
def test_no_config_has_a_kernel_of_another_repo_run(llava, part, key):
    config = json.loads((llava / "config.json").read_text())
    (config[part] if part else config)[key] = "org/kernel@main:attend"
    (llava / "config.json").write_text(json.dumps(config))
    assert "'org/kernel@main:attend', a compiled kernel of another repo" in refusal(llava)


@pytest.mark.parametrize("read", [load, internvl_weights._files])
@pytest.mark.parametrize("name", ["../other.safetensors", "/tmp/other.safetensors", "x.bin"])
def test_an_index_names_safetensors_of_its_folder_alone(llava, read, name):
    weights = load_file(llava / WEIGHTS)
    (llava / WEIGHTS).rename(llava.parent / "other.safetensors")
    torch.save(weights, llava / "x.bin")
    change(llava / INDEX, weight_map=dict.fromkeys(weights, name), metadata={})
    with pytest.raises(Refused, match=f"names '{name}', no safetensors of this folder"):
        read(llava)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "processor_config.json"])
def test_code_beside_a_checkpoint_does_not_run(llava, proof, file):
    (llava / "evil.py").write_text(CODE.format(str(proof)))
    kinds = ("AutoConfig", "AutoModelForImageTextToText", "AutoProcessor", "AutoImageProcessor")
    names = dict.fromkeys(kinds, "evil.C") | {"AutoTokenizer": ["evil.C", "evil.C"]}
    change(llava / file, auto_map=names)
    assert load(llava).network
    if file == "config.json":
        change(llava / file, model_type="own_kind")
        assert "model_type 'own_kind'" in refusal(llava)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "chat_config.json"])
def test_code_that_is_allowed_is_that_of_the_repo_alone(llava, proof, file):
    """The commit that was read says nothing of another repo."""
    change(llava / file, more={"auto_map": {"AutoTokenizer": [None, "org/other--evil.C"]}})
    said = refusal(llava, remote_code=True)
    assert f"{file}: auto_map names 'org/other--evil.C', code of another repo" in said
    assert load(llava).network


def test_a_chat_template_is_no_program(llava, proof):
    escape = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    many = "{% for i in range(10**12) %}{{ i }}{% endfor %}"
    model = load(llava)
    for template, said in ((escape, "unsafe"), (many, "Range too big")):
        with pytest.raises(Exception, match=said):
            model.processor.apply_chat_template([{"role": "user", "content": "x"}], template)


def test_what_a_sample_or_a_template_says_is_one_printable_line(llava, capsys):
    hostile = "\x1b[2J\nerror: none"
    model = load(llava)
    good = Sample(hostile, "a red circle", noise(48, 48))
    model.network.forward = lambda *_, **__: 1 / 0
    assert score_samples(model, [good])[0][0]["status"] == "failed"
    assert r"\x1b[2J error: none (given): failed" in capsys.readouterr().err
    (llava / "chat_template.jinja").write_text("{{ raise_exception('\x1b[2J\\n' * 5000) }}")
    how = {"batch_tokens": 512, "workers": 0, "require_image_use": False, "key": "k"}
    _, facts = job.gate_and_score(load(llava), [good], ([good], None), parts=llava / "p", **how)
    assert facts["status"] == "refused"
    assert facts["reason"].startswith(r"the gate: BadPrompt: TemplateError: \x1b[2J \x1b[2J ")
    assert len(facts["reason"]) < 10_000


def test_files_too_deep_to_be_read_are_refused(llava):
    for text in ("[" * 10**5, '{"a":' * 10**5):
        (llava / "config.json").write_text(text)
        assert "cannot be read: maximum recursion depth" in refusal(llava)


def test_a_config_that_is_deep_but_can_be_read_is_refused_too(llava):
    deep = "x"
    for _ in range(sys.getrecursionlimit() // 4):
        deep = {"attn_implementation": [deep]}
    change(llava / "config.json", auto_map=deep)
    for remote_code in (True, False):
        assert "RecursionError" in refusal(llava, remote_code=remote_code)


def test_what_confinement_refuses(proof, tmp_path):
    np.save(tmp_path / "a.npy", np.array([Evil(proof)], dtype=object), allow_pickle=True)
    torch.save(Evil(proof), tmp_path / "a.pt")
    pickled = pickle.dumps(Evil(proof))
    attempts = {
        "pickle": lambda: pickle.loads(pickled),
        "python's own": lambda: pickle._loads(pickled),
        "numpy": lambda: np.load(tmp_path / "a.npy", allow_pickle=True),
        "torch": lambda: torch.load(tmp_path / "a.pt", weights_only=False),
        "weights only": lambda: torch.load(tmp_path / "a.pt"),
        "name": lambda: socket.getaddrinfo("localhost", 80),
        "address": lambda: socket.create_connection(("127.0.0.1", 9)),
    }
    for attempt in attempts.values():
        with confined(), pytest.raises(Refused):
            attempt()
    assert not proof.exists()
    pickle.loads(pickled)  # outside, all is as it was
    proof.rmdir()
    with confined(), confined():
        pass
    torch.load(tmp_path / "a.pt", weights_only=False)
    proof.rmdir()
