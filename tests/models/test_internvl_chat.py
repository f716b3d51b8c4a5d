"""A checkpoint of InternVL's own layout, converted, is the network it was: no score moves."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from families import internvl_chat_layout as layout
from families import internvl_chat_reference as reference
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny import Sample, load, noise

from modelmap.models import internvl_weights
from modelmap.models.internvl_chat import convert
from modelmap.models.model import Refused
from modelmap.scoring import pipeline

pytestmark = pytest.mark.slow

SAMPLES = [
    Sample("a", "a red circle", noise(80, 40)),
    Sample("b", "There are two blue squares.", noise(40, 96, seed=1)),
    Sample("c", "A small green triangle.", noise(40, 96, seed=1)),
    Sample("d", "  two  blanks", noise(32, 32, seed=2)),
]
# conversation.py of OpenGVLab/InternVL: get_prompt() of one turn, before the image is put in
SENSETIME = (
    "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，"
    "英文名叫InternVL, 是一个有用无害的人工智能助手。"
)
SHUSHENG = (
    "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、"
    "清华大学及多家合作单位联合开发的多模态大语言模型。"
)
IN_ONE_LINE = (
    f"<|im_start|>system\n{SENSETIME}<|im_end|>"
    "<|im_start|>user\n<image>\nWhy?<|im_end|>"
    "<|im_start|>assistant\n"
)
PROMPTS = {
    "Hermes-2": IN_ONE_LINE,
    "internlm2-chat": IN_ONE_LINE,
    "internvl2_5": (
        f"<|im_start|>system\n{SHUSHENG}<|im_end|>\n"
        "<|im_start|>user\n<image>\nWhy?<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
}


def scores(folder):
    rows = pipeline.score(load(folder), SAMPLES, batch_tokens=2000)
    assert {row["status"] for row in rows} == {"ok"}
    return [(row["log_likelihood"], row["end_log_likelihood"]) for row in rows]


def edit(folder, *path, **changes):
    """Change settings of config.json, or of the part of it at `path`."""
    file = folder / "config.json"
    config = part = json.loads(file.read_text())
    for key in path:
        part = part[key]
    part |= changes
    file.write_text(json.dumps(config))


def reweigh(folder, change):
    """Let `change` edit the dict of weights."""
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("backbone", "vision", "options"),
    [
        ("qwen2", "300M", {}),
        ("qwen2", "6B", {"tied": True, "shards": 3}),
        ("qwen3", "300M", {"select_layer": -2}),
        ("qwen3_moe", "300M", {}),
        ("internlm2", "6B", {"shards": 2}),
        ("internlm2", "300M", {}),
        ("internlm2", "300M", {"bias": True}),
        ("llama", "6B", {"force_image_size": 48}),
    ],
)
def test_scores_are_those_of_the_native_network_to_the_bit(tmp_path, backbone, vision, options):
    native = layout.write(tmp_path / "own", backbone, vision=vision, **options)
    before = {path.name: path.read_bytes() for path in (tmp_path / "own").iterdir()}
    convert(tmp_path / "own", tmp_path / "converted")
    assert {path.name: path.read_bytes() for path in (tmp_path / "own").iterdir()} == before
    # the native checkpoint has the same processor: tokens and templates have tests of their own
    shutil.copytree(tmp_path / "converted", tmp_path / "native")
    for file in (tmp_path / "native").glob("model*"):
        file.unlink()
    native.save_pretrained(tmp_path / "native")
    assert scores(tmp_path / "converted") == scores(tmp_path / "native")


@pytest.mark.parametrize("vision", layout.VISION)
@pytest.mark.parametrize("options", [{}, {"select_layer": -2}, {"force_image_size": 48}], ids=str)
def test_logits_are_those_that_internvls_own_code_computes(tmp_path, vision, options):
    layout.write(tmp_path / "own", "internlm2", vision=vision, **options)
    convert(tmp_path / "own", tmp_path / "converted")
    model = load(tmp_path / "converted")
    config = json.loads((tmp_path / "own/config.json").read_text())
    weights = load_file(tmp_path / "own/model.safetensors")
    for sample in SAMPLES[:2]:
        inputs = model.encode([sample]).inputs
        ids, token = inputs["input_ids"][0], model.image_token_id
        expected = reference.logits(config, weights, inputs["pixel_values"], ids, token)
        with torch.inference_mode():
            found = model.network(**inputs).logits[0]
        assert expected.std() > 0.1
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


def test_a_checkpoint_that_says_little_has_internvls_defaults(tmp_path):
    # transformers writes what differs from a class's defaults, and those are in InternVL's code
    layout.write(tmp_path / "own", vision="6B", dynamic_image_size=False)
    config = json.loads((tmp_path / "own/config.json").read_text())
    for key in ("downsample_ratio", "dynamic_image_size", "pad2square", "select_layer"):
        del config[key]
    for key in ("layer_norm_eps", "norm_type", "qk_normalization", "qkv_bias", "hidden_act"):
        del config["vision_config"][key]
    convert(tmp_path / "own", tmp_path / "converted")
    (tmp_path / "own/config.json").write_text(json.dumps(config))
    convert(tmp_path / "own", tmp_path / "again")
    for name in ("config.json", "processor_config.json"):
        assert (tmp_path / "again" / name).read_text() == (
            tmp_path / "converted" / name
        ).read_text()


def test_weights_keep_their_precision_and_come_in_shards_that_fit(tmp_path, monkeypatch):
    layout.write(tmp_path / "own", "internlm2", torch_dtype="bfloat16")
    reweigh(tmp_path / "own", lambda w: w.update({k: v.bfloat16() for k, v in w.items()}))
    convert(tmp_path / "own", tmp_path / "one")
    monkeypatch.setattr(internvl_weights, "SHARD_BYTES", 60_000)
    convert(tmp_path / "own", tmp_path / "many")
    files = sorted((tmp_path / "many").glob("*.safetensors"))
    assert len(files) > 3
    assert all(file.stat().st_size < 80_000 for file in files)
    index = json.loads((tmp_path / "many/model.safetensors.index.json").read_text())
    found = {}
    for file in files:
        shard = load_file(file)
        assert {index["weight_map"][name] for name in shard} == {file.name}
        found |= shard
    assert index["metadata"]["total_size"] == sum(w.nbytes for w in found.values())
    assert {weight.dtype for weight in found.values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "many/config.json").read_text())["dtype"] == "bfloat16"
    assert scores(tmp_path / "many") == scores(tmp_path / "one")


@pytest.mark.parametrize("template", PROMPTS)
def test_the_prompt_is_that_of_internvls_conversation(tmp_path, template):
    layout.write(tmp_path / "own", template=template)
    convert(tmp_path / "own", tmp_path / "converted")
    model = load(tmp_path / "converted")
    text, row = model.row(Sample("a", "Because.", noise(32, 32), prompt="Why?"))
    assert text == PROMPTS[template].replace("<image>", "<IMG_CONTEXT>")
    assert model.tokenizer.convert_ids_to_tokens(row.end_of_turn) == ["<|im_end|>"]
    stop = model.network.generation_config.eos_token_id
    assert model.tokenizer.convert_ids_to_tokens(stop) == "<|im_end|>"


def test_a_system_message_of_ones_own_is_written(tmp_path):
    layout.write(tmp_path / "own", system_message='Say BETWEEN "{{ 1 }}"\nor 何か.')
    convert(tmp_path / "own", tmp_path / "converted")
    processor = load(tmp_path / "converted").processor
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    said = '<|im_start|>system\nSay BETWEEN "{{ 1 }}"\nor 何か.<|im_end|>\n'
    rest = "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
    assert processor.apply_chat_template(turns) == said + rest
    turns.insert(0, {"role": "system", "content": "S"})
    assert processor.apply_chat_template(turns) == "<|im_start|>system\nS<|im_end|>\n" + rest


def tiles(image, most, side=448):
    """What the README of InternVL's models does to an image, with use_thumbnail."""
    width, height = image.size
    grids = {(i, j) for i in range(1, most + 1) for j in range(1, most + 1) if i * j <= most}
    best, least = None, float("inf")
    for grid in sorted(grids, key=lambda grid: grid[0] * grid[1]):
        off = abs(width / height - grid[0] / grid[1])
        large = width * height > 0.5 * side * side * grid[0] * grid[1]
        if off < least or (off == least and large):
            best, least = grid, off
    whole = image.resize((side * best[0], side * best[1]), Image.Resampling.BICUBIC)
    boxes = [(x * side, y * side) for y in range(best[1]) for x in range(best[0])]
    found = [whole.crop((x, y, x + side, y + side)) for x, y in boxes]
    if len(found) > 1:
        found.append(image.resize((side, side), Image.Resampling.BICUBIC))
    pixels = np.stack([np.asarray(tile) for tile in found]).transpose(0, 3, 1, 2) / 255
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return (pixels - mean[:, None, None]) / std[:, None, None]


@pytest.mark.parametrize(
    ("options", "n_tiles"),
    [
        ({"max_dynamic_patch": 12}, 13),
        ({"max_dynamic_patch": 6}, 7),
        ({"dynamic_image_size": False}, 1),
    ],
)
def test_a_photograph_is_cut_into_internvls_tiles(tmp_path, options, n_tiles):
    layout.write(
        tmp_path / "own",
        force_image_size=448,
        vision_config={"image_size": 448, "patch_size": 14},
        **options,
    )
    convert(tmp_path / "own", tmp_path / "converted")
    model = load(tmp_path / "converted")
    smooth = noise(16, 12).resize((640, 480), Image.Resampling.BICUBIC)
    sample = Sample("a", "a red circle", smooth)
    batch = model.encode([sample])
    assert batch.n_image_tokens == [256 * n_tiles]
    assert model.n_image_tokens([(640, 480)]) == [256 * n_tiles + 2]
    ids = batch.inputs["input_ids"][0].tolist()
    begin, end = model.tokenizer.convert_tokens_to_ids(["<img>", "</img>"])
    assert ids.index(end) - ids.index(begin) == 256 * n_tiles + 1
    expected = tiles(smooth, options.get("max_dynamic_patch", 1))
    # bicubic resampling rounds otherwise in torch than in PIL, by one step of 255 or two
    apart = np.abs(batch.inputs["pixel_values"].numpy() - expected)
    assert apart.max() < 2.5 / 255 / 0.224


@pytest.mark.parametrize(
    ("path", "change", "why"),
    [
        ((), {"model_type": "llava"}, "model_type is 'llava'; only 'internvl_chat'"),
        ((), {"ps_version": "v1"}, "ps_version 'v1'"),
        ((), {"template": "internvl_zh"}, "template 'internvl_zh'; known are Hermes-2"),
        ((), {"pad2square": True}, "pad2square"),
        ((), {"use_thumbnail": False}, "tiles without a thumbnail"),
        ((), {"llm_config": None}, "has no llm_config"),
        (
            ("llm_config",),
            {"architectures": ["Phi3ForCausalLM"]},
            "language model 'Phi3ForCausalLM'",
        ),
        (("llm_config",), {"hidden_size": "large"}, "hidden_size"),
        ((), {"max_dynamic_patch": "12"}, "config.json: TypeError"),
        (("llm_config",), {"vocab_size": 300}, "tokenizer has 342 tokens, its embedding 300"),
        (("vision_config",), {"model_type": "eva"}, "vision encoder 'eva'"),
        (
            ("vision_config",),
            {"qk_normalization": True, "layer_norm_eps": 1e-5},
            "layer_norm_eps 1e-05",
        ),
    ],
)
def test_what_the_native_network_cannot_do_is_refused(tmp_path, path, change, why):
    layout.write(tmp_path / "own")
    edit(tmp_path / "own", *path, **change)
    refused(tmp_path, why)


def refused(tmp_path, why, status=None):
    """Expect a refusal that says `why`, and nothing written."""
    with pytest.raises(Refused, match=re.escape(why)) as caught:
        convert(tmp_path / "own", tmp_path / "converted")
    assert status in (None, caught.value.status)
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda w: w.pop("mlp1.1.bias"), "1 tensors are missing: mlp1.1.bias"),
        (lambda w: w.pop("language_model.lm_head.weight"), "are missing: language_model.lm_head"),
        (lambda w: w.update(gate=torch.zeros(2)), "1 tensors are unknown: gate"),
        (
            lambda w: [w.update({f"x.{i}": torch.zeros(1)}) for i in range(7)],
            "7 tensors are unknown: x.0, x.1, x.2, x.3, x.4 …",
        ),
        (
            lambda w: w.update({"model.norm": w.pop("language_model.model.norm.weight")}),
            "missing: language_model.model.norm.weight; 1 tensors are unknown: model.norm",
        ),
        (
            lambda w: w.update({"mlp1.0.weight": torch.zeros(8)}),
            "1 tensors are of another shape than config.json says: mlp1.0.weight [8]",
        ),
        (
            lambda w: w.update({"vision_model.encoder.layers.1.attn.qkv.weight": torch.zeros(4)}),
            "than config.json says: vision_model.encoder.layers.1.attn.qkv.weight [4]",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path, change, why):
    layout.write(tmp_path / "own")
    reweigh(tmp_path / "own", change)
    refused(tmp_path, why, "corrupt")


def test_a_fused_tensor_of_another_shape_is_named(tmp_path):
    layout.write(tmp_path / "own", "internlm2")
    name = "language_model.model.layers.0.attention.wqkv.weight"
    reweigh(tmp_path / "own", lambda w: w.update({name: torch.zeros(96, 64)}))
    refused(tmp_path, f"1 tensors are of another shape than config.json says: {name} [96, 64]")


def test_frequencies_that_old_checkpoints_hold_are_left_out(tmp_path):
    layout.write(tmp_path / "own")
    convert(tmp_path / "own", tmp_path / "converted")
    name = "language_model.model.layers.0.self_attn.rotary_emb.inv_freq"
    reweigh(tmp_path / "own", lambda w: w.update({name: torch.zeros(8)}))
    convert(tmp_path / "own", tmp_path / "again")
    files = [tmp_path / name / "model.safetensors" for name in ("converted", "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_head_that_should_be_the_embedding_and_is_another_is_refused(tmp_path):
    layout.write(tmp_path / "own")
    edit(tmp_path / "own", "llm_config", tie_word_embeddings=True)
    refused(
        tmp_path, "language_model.lm_head.weight is language_model.model.embed_tokens.weight, but"
    )


def test_weights_that_are_not_whole_are_refused(tmp_path):
    own = tmp_path / "own"
    layout.write(own, shards=3)
    shard = own / "model-00002-of-00003.safetensors"
    content = shard.read_bytes()
    shard.write_bytes(content[:-100])
    refused(tmp_path, f"{shard} cannot be read", "corrupt")
    shard.unlink()
    refused(tmp_path, f"1 files of weights are missing: {shard.name}", "corrupt")
    (own / "model.safetensors.index.json").write_text("[]")
    refused(tmp_path, "index.json cannot be read", "corrupt")
    (own / "model.safetensors.index.json").unlink()
    refused(tmp_path, "1 files of weights are missing: model.safetensors", "corrupt")
    (own / "pytorch_model.bin").write_bytes(b"")
    refused(tmp_path, "its weights are pickled (pytorch_model.bin)", "refused")


def test_an_interrupted_conversion_leaves_nothing_and_one_that_was_killed_is_no_obstacle(
    tmp_path, monkeypatch
):
    layout.write(tmp_path / "own")

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(internvl_weights, "save_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            convert(tmp_path / "own", tmp_path / "converted")
    assert [path.name for path in tmp_path.iterdir()] == ["own"]
    left = tmp_path / ".converted.partial"
    left.mkdir()
    (left / "model-00009.safetensors").touch()
    convert(tmp_path / "own", tmp_path / "converted")
    assert {path.name for path in tmp_path.iterdir()} == {"own", "converted"}
    assert [path.name for path in (tmp_path / "converted").glob("model*")] == ["model.safetensors"]
    with pytest.raises(FileExistsError, match="remove it"):
        convert(tmp_path / "own", tmp_path / "converted")
