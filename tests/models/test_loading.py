"""What a checkpoint brings along changes a score only where it is meant to."""

import dataclasses
import errno

import pytest
import torch
from families import build
from tiny import Sample, load, noise
from tokenizers import processors

from modelmap.models import loading
from modelmap.models.model import Refused
from modelmap.scoring.likelihood import score_samples

SAMPLES = [
    Sample("wide", "a red circle", noise(80, 40)),
    Sample("high", "There are two blue squares.", noise(40, 96, seed=1)),
]
PAN_AND_SCAN = {
    "do_pan_and_scan": True,
    "pan_and_scan_min_crop_size": 8,
    "pan_and_scan_max_num_crops": 4,
    "pan_and_scan_min_ratio_to_activate": 1.2,
}


def checkpoint(name, tmp_path):
    build.save(name, tmp_path)
    return tmp_path


def values(model, samples=SAMPLES):
    return [row["log_likelihood"] for row in score_samples(model, samples)[0]]


@pytest.mark.parametrize(
    ("name", "option"),
    [("internvl", {"crop_to_patches": False}), ("gemma3", PAN_AND_SCAN)],
)
def test_image_options_win_over_what_the_processor_sets_itself(name, option, tmp_path):
    folder = checkpoint(name, tmp_path)
    usual, other = load(folder), load(folder, image_options=option)
    assert values(usual) != values(other)
    assert other.facts(SAMPLES[0])["image_processor"].items() >= option.items()
    for model in (usual, other):
        planned = [prompt for prompt, _, _ in model.lengths(SAMPLES)]
        assert planned == [int(model.encode([sample]).starts[0]) for sample in SAMPLES]


def test_an_unknown_image_option_is_refused(tmp_path):
    with pytest.raises(Refused, match="no setting 'croptopatches'"):
        load(checkpoint("internvl", tmp_path / "a"), image_options={"croptopatches": False})
    with pytest.raises(Refused, match="no setting 'size'"):
        load(checkpoint("llama", tmp_path / "b"), image_options={"size": 3})


@pytest.mark.parametrize("shown", [True, False], ids=["image", "text"])
def test_a_tokenizer_that_closes_every_text_does_not_close_the_prompt(tmp_path, shown):
    model = load(checkpoint("llava", tmp_path))
    samples = SAMPLES if shown else [dataclasses.replace(s, image=None) for s in SAMPLES]
    expected = values(model, samples)
    backend = model.tokenizer.backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(
        single="$A <|im_end|>", special_tokens=[("<|im_end|>", model.tokenizer.eos_token_id)]
    )
    closing = dataclasses.replace(model, _prompts={}, _rows={}, _bare_prompts={})
    assert closing.tokenizer("a")["input_ids"][-1] == model.tokenizer.eos_token_id
    assert values(closing, samples) == expected


def test_a_network_spread_over_devices_gives_the_same_logits(tmp_path):
    model = load(checkpoint("llava", tmp_path))
    expected = values(model)
    model.network.hf_device_map = {"model": 0, "lm_head": 1}
    assert values(model) == pytest.approx(expected, abs=1e-5)


def test_what_one_sample_makes_the_network_raise_costs_its_row(tmp_path, capsys):
    model = load(checkpoint("llava", tmp_path))
    forward = model.network.forward

    def fragile(*args, input_ids, **kwargs):
        if (input_ids == model.row(SAMPLES[1])[1].target[0]).any():
            raise IndexError("index out of range in self")
        return forward(*args, input_ids=input_ids, **kwargs)

    model.network.forward = fragile
    rows, _ = score_samples(model, SAMPLES)
    assert [row["status"] for row in rows] == ["ok", "failed"]
    assert "high (given): failed: index out of range in self" in capsys.readouterr().err


def test_precision_is_that_of_all_parameters(tmp_path):
    half = load(checkpoint("blip-2", tmp_path), dtype="float16")
    assert not half.is_float32
    with half.float32():
        assert half.is_float32
        assert {p.dtype for p in half.network.parameters()} == {torch.float32}


def test_a_prompt_that_the_template_leaves_out_is_an_error(tmp_path):
    model = load(checkpoint("llava", tmp_path))
    model.processor.chat_template = "{% for m in messages %}<image>{{ m.question }}{% endfor %}"
    silent = dataclasses.replace(model, _prompts={}, _rows={}, _bare_prompts={})
    rows, _ = score_samples(silent, SAMPLES[:1])
    assert rows[0]["status"] == "prompt_error"


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (torch.OutOfMemoryError("no memory"), "too_large"),
        (ValueError("no such weights"), "corrupt"),
        (OSError("no file of weights is there"), "corrupt"),
        (OSError(errno.EIO, "Input/output error"), None),
        (torch.AcceleratorError("the device is lost"), None),
        (ImportError("it requires the bitsandbytes library: pip install bitsandbytes"), "refused"),
        (ImportError("libcudart.so.13: cannot open shared object file"), None),
        (ValueError("no activation is called bad_alloc"), "corrupt"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_loading_raises_is_the_checkpoints_fault_or_the_machines(
    tmp_path, monkeypatch, raised, status
):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr(loading.AutoModelForMultimodalLM, "from_pretrained", fail)
    with pytest.raises(Refused if status else type(raised)) as error:
        load(checkpoint("llava", tmp_path))
    assert getattr(error.value, "status", None) == status
