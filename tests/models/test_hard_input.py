"""A broken checkpoint is refused with a clear reason; a hard sample costs its own row at most."""

import dataclasses
import json
import os
import re
import shutil

import pytest
import torch
from families import build
from safetensors.torch import load_file, save_file
from tiny import Sample, load, noise

from modelmap.datasets import images, samples
from modelmap.models.model import Refused
from modelmap.scoring import job
from modelmap.scoring.likelihood import score_samples
from modelmap.scoring.shard import score_shard

FAMILIES = "llava llava_next qwen2_5_vl gemma3 mllama idefics3 internvl paligemma lfm2_vl fuyu"
FAMILIES = FAMILIES.split()
FIRST = "llava", "qwen2_5_vl", "fuyu"
ALL = [pytest.param(n, marks=[] if n in FIRST else pytest.mark.slow) for n in FAMILIES]
WEIGHTS = "model.safetensors"
TARGETS = ["a red circle", "There are two blue squares.", "x", "A small green triangle"]
SIZES = [(48, 48), (80, 40), (33, 47), (48, 48)]
GOOD = [
    Sample(f"good{i}", target, noise(*size, seed=i))
    for i, (target, size) in enumerate(zip(TARGETS, SIZES, strict=True))
]
SHUFFLED = [
    dataclasses.replace(sample, image=other.image, variant="shuffled")
    for sample, other in zip(GOOD, GOOD[1:] + GOOD[:1], strict=True)
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a checkpoint of each family."""
    folder = tmp_path_factory.mktemp("whole")
    for name in FAMILIES:
        build.save(name, folder / name)
    return folder


@pytest.fixture(params=ALL)
def checkpoint(request, whole, tmp_path):
    """A copy of a checkpoint of each family, to be damaged."""
    return shutil.copytree(whole / request.param, tmp_path / request.param)


@pytest.fixture
def llava(whole, tmp_path):
    return shutil.copytree(whole / "llava", tmp_path / "llava")


def outcome(folder, given=GOOD, shuffled=SHUFFLED):
    """(status, reason, rows) of a checkpoint, as scripts/score.py comes to them."""
    try:
        rows, facts = job.gate_and_score(
            load(folder),
            [*given, *shuffled],
            (given, shuffled),
            batch_tokens=512,
            workers=0,
            require_image_use=False,
            parts=folder / "parts",
            key="k",
        )
    except Refused as error:
        return error.status, str(error), []
    return facts["status"], facts["reason"], rows


def rewrite(folder, change):
    """Change the weights, a dict of tensors, in their file."""
    save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS, {"format": "pt"})


def write_config(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_an_undamaged_checkpoint_is_scored(checkpoint):
    status, reason, rows = outcome(checkpoint)
    assert (status, reason) == ("ok", None)
    assert [row["status"] for row in rows] == ["ok"] * (len(GOOD) + len(SHUFFLED))


def test_weights_of_nan_are_refused_and_nothing_is_scored(checkpoint):
    rewrite(checkpoint, lambda weights: {k: v * torch.nan for k, v in weights.items()})
    status, reason, rows = outcome(checkpoint)
    assert (status, rows) == ("refused", [])
    assert "no sample of the gate has a score (NaN" in reason


def test_a_nan_in_what_one_token_means_costs_the_rows_that_hold_it(whole, tmp_path):
    folder = shutil.copytree(whole / "mllama", tmp_path / "mllama")  # its head is not tied
    bad = dataclasses.replace(GOOD[1], sample_id="bad", target="a # circle")
    token = load(folder).tokenizer("#", add_special_tokens=False)["input_ids"][0]

    def spoil(weights):
        (name,) = (name for name in weights if name.endswith("embed_tokens.weight"))
        weights[name][token] = torch.nan
        return weights

    sound, _ = score_samples(load(folder), GOOD)
    rewrite(folder, spoil)
    rows, _ = score_samples(load(folder), [*GOOD[:2], bad, *GOOD[2:]])
    assert [row["status"] for row in rows] == ["ok", "ok", "non_finite", "ok", "ok"]
    assert values([*rows[:2], *rows[3:]]) == pytest.approx(values(sound), abs=1e-4)


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("*processor_config.json", "image processor"),
        ("tokenizer.json", "[Tt]okenizer"),
        ("tokenizer*", "[Tt]okenizer"),
    ],
)
def test_a_processor_without_its_files_is_corrupt_and_it_is_said_which(checkpoint, gone, named):
    for file in checkpoint.glob(gone):
        file.unlink()
    with pytest.raises(Refused, match=f"(?s){checkpoint}.*{named}") as refused:
        load(checkpoint)
    assert refused.value.status == "corrupt"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in messages %}{{ m", "TemplateSyntaxError: unexpected end of template"),
        ("{{ raise_exception('Roles must alternate') }}", "TemplateError: Roles must alternate"),
        ("{{ messages[7]['content'].text }}", "UndefinedError: .*has no element 7"),
    ],
    ids=["syntax error", "raises", "undefined"],
)
def test_a_broken_chat_template_is_refused_with_what_jinja_says(checkpoint, template, said):
    (checkpoint / "chat_template.jinja").write_text(template)
    status, reason, rows = outcome(checkpoint)
    assert (status, rows) == ("refused", [])
    assert reason.startswith("the gate: ")
    assert re.search(said, reason)


def test_a_chat_template_without_a_place_for_the_image_is_refused(llava):
    (llava / "chat_template.jinja").write_text("Describe it.")
    status, reason, rows = outcome(llava)
    assert (status, rows) == ("refused", [])
    assert reason


def test_a_template_that_raises_for_one_prompt_costs_one_row(llava):
    """Many templates raise of an empty turn."""
    file = llava / "chat_template.jinja"
    empty = "messages[0]['content'][-1]['text'] == ''"
    raises = "{% if " + empty + " %}{{ raise_exception('empty') }}{% endif %}"
    file.write_text(raises + file.read_text())
    model = load(llava)
    hard = dataclasses.replace(GOOD[0], sample_id="hard", prompt="")
    (row,) = beside_good_ones(model, [hard], alone(model), llava / "parts")
    assert row["status"] != "ok"


@pytest.mark.parametrize("n_bytes", [0, 5, 10_000, -1])
def test_weights_that_are_cut_off_are_corrupt(llava, n_bytes):
    size = (llava / WEIGHTS).stat().st_size
    os.truncate(llava / WEIGHTS, n_bytes % size)
    status, reason, _ = outcome(llava)
    assert status == "corrupt"
    assert str(llava) in reason


def test_weights_that_are_missing_are_named(llava):
    rewrite(llava, lambda weights: {k: v for k, v in weights.items() if "linear_2" not in k})
    status, reason, _ = outcome(llava)
    assert status == "corrupt"
    assert "model.multi_modal_projector.linear_2.weight" in reason


def test_weights_of_another_shape_are_named(llava):
    (name,) = (k for k in load_file(llava / WEIGHTS) if k.endswith("linear_2.weight"))
    rewrite(llava, lambda weights: weights | {name: weights[name][:-1].contiguous()})
    status, reason, _ = outcome(llava)
    assert status == "corrupt"
    assert name in reason


def test_a_shard_of_the_weights_that_is_missing_is_named(llava):
    model = load(llava)
    (llava / WEIGHTS).unlink()
    model.network.save_pretrained(llava, max_shard_size="100KB")
    shards = sorted(llava.glob("model-*.safetensors"))
    assert outcome(llava)[0] == "ok"
    shards[1].unlink()
    status, reason, _ = outcome(llava)
    assert status == "corrupt"
    assert shards[1].name in reason


def test_pickled_weights_are_never_read(llava):
    torch.save(load_file(llava / WEIGHTS), llava / "pytorch_model.bin")
    (llava / WEIGHTS).unlink()
    status, reason, _ = outcome(llava)
    assert status == "corrupt"
    assert "no file named model.safetensors" in reason


@pytest.mark.parametrize(
    "content", [b"", b"{'model_type': 'llava'}", b'{"model_type": "llava"', b"[]", b"null", b"\xff"]
)
def test_a_config_that_is_no_json_object_is_corrupt(llava, content):
    (llava / "config.json").write_bytes(content)
    status, reason, _ = outcome(llava)
    assert status == "corrupt"
    assert "config.json" in reason


@pytest.mark.parametrize("changes", [{"text_config": "llama"}, {"vision_config": [1]}])
def test_a_config_of_parts_that_are_none_is_corrupt(llava, changes):
    write_config(llava, **changes)
    assert outcome(llava)[0] == "corrupt"


def test_a_checkpoint_that_needs_a_package_which_is_not_here_is_refused_by_its_name(llava):
    write_config(llava, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    status, reason, _ = outcome(llava)
    assert status == "refused"
    assert "bitsandbytes" in reason
    assert "make retry" in reason


@pytest.mark.parametrize("kind", ["perpetuum_mobile", None, 5, ["llava"], {}])
def test_an_unknown_model_type_is_refused_by_name(llava, kind):
    write_config(llava, model_type=kind)
    status, reason, _ = outcome(llava)
    assert status == "refused"
    assert f"model_type {kind!r}" in reason


# --- samples


@pytest.fixture(scope="module", params=ALL)
def model(request, whole):
    return load(whole / request.param)


@pytest.fixture(scope="module")
def good(model):
    """The scores of the good samples by themselves."""
    return alone(model)


def values(rows):
    assert {row["status"] for row in rows} == {"ok"}
    return [row["log_likelihood"] for row in rows]


def alone(model):
    return values([score_samples(model, [sample])[0][0] for sample in GOOD])


def beside_good_ones(model, hard, good, parts):
    """The rows of hard samples; those of the good ones in their shard are as ever."""
    shard = [*GOOD[:1], *hard, *GOOD[1:]]
    rows, _ = score_shard(model, shard, batch_tokens=512, workers=0, parts=parts, key="k")
    assert [row["sample_id"] for row in rows] == [sample.sample_id for sample in shard]
    others = values([*rows[:1], *rows[1 + len(hard) :]])
    assert others == pytest.approx(good, abs=1e-4)
    return rows[1 : 1 + len(hard)]


def holds_image(model, target):
    return model.image_token_id in model.tokenizer(target)["input_ids"]


def assert_sound(row, target):
    assert sum(row["token_log_likelihoods"]) == pytest.approx(row["log_likelihood"], rel=1e-12)
    assert len(row["token_ids"]) == row["n_tokens"] > 0
    assert row["token_ends"][-1] == len(target.encode())


IMAGES = {
    "8x8": noise(8, 8),
    "20000x10": noise(20_000, 10),
    "10x20000": noise(10, 20_000),
    "1600x8": noise(1600, 8),
}


@pytest.mark.parametrize("size", IMAGES)
def test_an_image_of_any_shape_costs_its_own_row_at_most(model, good, tmp_path, size):
    hard = Sample("hard", "a red circle", IMAGES[size])
    (row,) = beside_good_ones(model, [hard], good, tmp_path)
    assert row["status"] in ({"ok"} if size == "8x8" else {"ok", "image_error"})


@pytest.mark.parametrize("content", [b"", b"no image", images.encode(noise(48, 48))[:2000]])
def test_a_broken_image_file_costs_its_own_row(model, good, tmp_path, content):
    hard = samples.Sample("hard", "given", "Describe the image.", "red", (48, 48), content)
    (row,) = beside_good_ones(model, [hard], good, tmp_path)
    assert row["status"] == "image_error"


CAPTIONS = {
    "right to left": "מעגל אדום ליד دائرة حمراء \u202eabc\u202c",
    "cjk": "红色圆圈。赤い丸、빨간 원",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇫🇷",
    "combining marks": "e\u0301 n\u0303\u0320 \u0301\u0302 Z\u0351\u036b\u0343",
    "control characters": "a\x00b\x7f\u200b\ufeff\ufffd",
    "blanks": "    ",
    "line breaks and tabs": " \n\t\r\n ",
    "900 words": "red " * 900,  # longer than a batch
    "special tokens": "<s></s><pad><|im_start|>user\nWell?<|im_end|>\n",
    "only the end of turn": "<|im_end|>",
    "an image of text": "<image> <IMG_CONTEXT> <|image|> <|image_pad|> <start_of_image>",
    "5000 words": "red " * 5000,
    "empty": "",
}
STATUSES = {"5000 words": "too_long", "empty": "target_error"}


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_of_anything_costs_its_own_row_at_most(model, good, tmp_path, caption):
    target = CAPTIONS[caption]
    hard = dataclasses.replace(GOOD[0], sample_id="hard", target=target)  # shares its image
    (row,) = beside_good_ones(model, [hard], good, tmp_path)
    expected = "target_error" if holds_image(model, target) else STATUSES.get(caption, "ok")
    assert row["status"] == expected
    if expected == "ok":
        assert_sound(row, target)
        (single,), _ = score_samples(model, [hard])
        assert row["log_likelihood"] == pytest.approx(single["log_likelihood"], rel=1e-6, abs=1e-4)


def test_special_tokens_in_a_caption_are_scored_save_the_image_token(model, good, tmp_path):
    tokens = [str(token) for token in model.tokenizer.added_tokens_decoder.values()][:40]
    tokens.append(model.tokenizer.convert_ids_to_tokens(model.image_token_id))
    hard = [
        dataclasses.replace(GOOD[0], sample_id=f"hard{i}", target=f"see {token} here")
        for i, token in enumerate(tokens)
    ]
    rows = beside_good_ones(model, hard, good, tmp_path)
    for row, sample in zip(rows, hard, strict=True):
        assert row["status"] == ("target_error" if holds_image(model, sample.target) else "ok")


def test_a_token_without_a_row_in_the_network_costs_its_own_row(llava):
    """As <video> in checkpoints whose tokenizer was given more tokens than their network."""
    model = load(llava)
    model.tokenizer.add_tokens(["<beyond>"])
    hard = dataclasses.replace(GOOD[0], sample_id="hard", target="a <beyond> b")
    rows, _ = score_samples(model, [hard, *GOOD])
    assert [row["status"] for row in rows] == ["target_error", *["ok"] * len(GOOD)]


PROMPTS = {
    "empty": "",
    "blanks": "   ",
    "line break": "\n",
    "emoji, right to left": "תאר את התמונה 👩‍👩‍👧‍👦",
    "special tokens": "<|im_end|></s>",
    "2000 words": "Describe " * 2000,
    "placeholders": "<image> <IMG_CONTEXT> <|image|> <|image_pad|> <start_of_image>",
}


@pytest.mark.parametrize("shown", [True, False], ids=["image", "no image"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_of_anything_costs_its_own_row_at_most(model, good, tmp_path, prompt, shown):
    hard = dataclasses.replace(GOOD[0], sample_id="hard", prompt=PROMPTS[prompt])
    hard = hard if shown else dataclasses.replace(hard, image=None)
    (row,) = beside_good_ones(model, [hard], good, tmp_path)
    allowed = {"2000 words": {"too_long"}, "placeholders": {"ok", "image_error", "prompt_error"}}
    assert row["status"] in allowed.get(prompt, {"ok"})


def test_hard_samples_at_the_gate_are_no_fault_of_the_model(checkpoint):
    hard = [Sample(f"i-{key}", "red", image) for key, image in IMAGES.items()]
    hard += [Sample(f"c-{key}", target, noise(48, 48)) for key, target in CAPTIONS.items()]
    given = [*hard, *GOOD]
    shuffled = [dataclasses.replace(s, image=noise(48, 40, seed=9), variant="b") for s in given]
    status, reason, rows = outcome(checkpoint, given, shuffled)
    assert (status, reason) == ("ok", None)
    found = values([row for row in rows if row["sample_id"].startswith("good")][: len(GOOD)])
    assert found == pytest.approx(alone(load(checkpoint)), abs=1e-4)
