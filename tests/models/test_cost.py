"""The cost told without weights is the cost of the run with them."""

import json
from itertools import accumulate

import pytest
import torch
import transformers
from benchmarks import checkpoints, flops, shapes
from families import build
from tiny import Sample, load
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from modelmap import planning
from modelmap.models import cost, loading, weightless
from modelmap.models.cost import NoEstimate, estimate
from modelmap.models.families import KNOWN
from modelmap.models.model import Refused

pytestmark = pytest.mark.slow

FIRST = {"gemma3", "gpt2", "idefics3", "kosmos-2", "mllama", "paligemma", "qwen2_5_vl", "qwen3_5"}
PROMPT, TARGET, SIZE = "Describe the image.", "There are two blue squares.", (96, 64)
USUAL = {"dtype": "auto", "image_options": None, "share_prefix": "auto"}


def families(names):
    for name in sorted(names):
        yield pytest.param(name, marks=[] if name in FIRST else pytest.mark.slow)


def told(folder, n_targets=1, size=SIZE, **options):
    options = {"prompt": PROMPT, "target": TARGET, "batch_tokens": "auto"} | USUAL | options
    return estimate(folder, size=size, n_targets=n_targets, **options)


def checkpoint(name, folder):
    """A tiny checkpoint read back from its folder, which then loses its weights."""
    build.save(name, folder)
    model = load(folder)
    for file in folder.glob("*.safetensors"):
        file.unlink()
    return model


def counted(model, n_targets):
    """What torch counts of a run with weights."""
    image = cost._Sample(PROMPT, TARGET, SIZE).image if model.sees_images else None
    sample = Sample("s", TARGET, image, PROMPT)
    shares = model.family.shares_prefix and n_targets > 1
    model.network.requires_grad_(False)
    model.network.config._experts_implementation = "eager"  # torch does not count its own kernel
    n_rows = n_targets if shares else 1
    batch = model.encode([sample] * n_rows, [0] * n_rows if shares else None)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model.tail_logits(batch)
    return counter.get_total_flops() * (1 if shares else n_targets)


@pytest.mark.parametrize("name", families(build.BUILDERS.keys() & KNOWN.keys()))
def test_operations_are_those_of_a_run_with_weights(name, tmp_path):
    model = checkpoint(name, tmp_path)
    size = SIZE if model.sees_images else None
    for n_targets in (1, 3):
        found = told(tmp_path, n_targets, size)
        tflop = planning.tflop(found._asdict(), n_conditions=1, n_targets=n_targets)
        assert tflop == pytest.approx(counted(model, n_targets) / 1e12, rel=0.002)
        assert (found.tflop_image > 0) == model.sees_images
        assert min(found.tflop_prompt, found.tflop_target) > 0
    assert found.shares_prefix == model.family.shares_prefix
    n_parameters = sum(p.numel() for p in model.network.parameters())
    assert found.n_parameters == n_parameters
    assert found.weight_bytes == 4 * n_parameters < found.memory_bytes


LONGER = PROMPT + " A man stood waiting next to a parked bicycle."
# shape, image, options, its tokens, TFLOP of the vision tower and the decoder: the table of the
# design. 728 x 392 and 1344 x 1344 have about as many tokens as COCO's images on average. SmolVLM
# is said to have 879, with the 47 that stand around its tiles.
TABLE = [
    (shapes.QWEN_3B, (728, 392), None, 366, 1.94, 2.30),
    (shapes.QWEN_7B, (728, 392), None, 366, 1.94, 5.38),
    (shapes.INTERNVL3_8B, (1344, 1344), None, 2529, 7.28, 35.0),
    (shapes.INTERNVL3_8B, (640, 480), {"crop_to_patches": False}, 256, 0.74, 3.92),
    (shapes.LLAVA_7B, (640, 480), None, 576, 0.41, 8.11),
    (shapes.GEMMA3_12B, (640, 480), None, 256, 5.45, 6.47),
    (shapes.SMOLVLM_500M, (640, 480), None, 879 - 47, 2.79, 0.63),
]


@pytest.mark.slow  # a quarter of a minute in all
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0].name}, {row[3]}")
def test_real_shapes_cost_what_the_formulas_say(row, tmp_path):
    shape, size, options, n_image_tokens, vision, text = row
    shapes.save(shape, tmp_path)
    found = told(tmp_path, size=size, image_options=options, prompt=LONGER)
    decoder = found.tflop_prompt + found.tflop_target
    model = loading.load_without_weights(tmp_path, **USUAL | {"image_options": options})
    sample = cost._Sample(LONGER, TARGET, size)
    lengths = model.lengths([sample])[0][:2]
    assert found.tflop_image == pytest.approx(flops.of_image(model, sample) / 1e12, rel=0.005)
    assert decoder == pytest.approx(flops.of_rows(model, [lengths]) / 1e12, rel=0.005)

    assert found.n_image_tokens == pytest.approx(n_image_tokens, rel=0.015)
    assert found.tflop_image == pytest.approx(vision, rel=0.02)
    unseen = flops.of_pairs(model, sum(lengths) ** 2 / 2)  # which the table leaves out
    assert decoder - unseen / 1e12 == pytest.approx(text, rel=0.04)


@pytest.mark.slow
def test_weights_are_of_the_config_and_the_head_of_float32(tmp_path):
    shapes.save(shapes.QWEN_3B, tmp_path)
    found, head = told(tmp_path), 151_936 * 2048
    assert found.n_parameters == found.n_active_parameters == pytest.approx(3.75e9, rel=0.005)
    assert found.weight_bytes == 2 * found.n_parameters + 4 * head  # a tied head becomes its own
    whole = told(tmp_path, dtype="float32")
    assert whole.weight_bytes == 4 * found.n_parameters
    # two of float32 are as many bytes as four of bfloat16
    assert whole.memory_bytes - whole.weight_bytes < 2 * (found.memory_bytes - found.weight_bytes)


@pytest.mark.slow
def test_a_cache_that_several_targets_continue_is_in_the_memory(tmp_path):
    shapes.save(shapes.LLAVA_7B, tmp_path)
    one, five = told(tmp_path), told(tmp_path, 5)
    cache = 2 * 32 * 4096 * 2  # bytes a token: keys and values of 32 layers, bfloat16
    assert five.memory_bytes - one.memory_bytes == pytest.approx(2 * 16384 * cache, rel=0.25)


def test_of_a_mixture_only_the_chosen_experts_work(tmp_path):
    build.save("qwen3_vl_moe", tmp_path)
    file = tmp_path / "config.json"
    config = json.loads(file.read_text())
    text = config["text_config"] | {"num_local_experts": 16, "num_experts_per_tok": 2}
    file.write_text(json.dumps(config | {"text_config": text}))
    found = told(tmp_path)
    expert = 3 * text["hidden_size"] * text["moe_intermediate_size"]
    idle = text["num_hidden_layers"] * 14 * expert
    assert found.n_parameters - found.n_active_parameters == idle


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "total", "active"), [("mixtral", 46.7e9, 12.9e9), ("deepseek_v3", 671e9, 37e9)]
)
def test_of_published_mixtures_as_many_parameters_work_as_is_said(kind, total, active, tmp_path):
    build.save("llama", tmp_path)
    transformers.AutoConfig.for_model(kind, dtype="bfloat16").save_pretrained(tmp_path)
    found = told(tmp_path, size=None)
    assert found.n_parameters == pytest.approx(total, rel=0.002)
    assert found.n_active_parameters == pytest.approx(active, rel=0.02)


def test_nothing_is_shared_unless_it_is_to_be(tmp_path):
    build.save("llava", tmp_path)
    shared, apart = told(tmp_path, 5), told(tmp_path, 5, share_prefix=False)
    assert (shared.shares_prefix, apart.shares_prefix) == (True, False)
    apart, shared = apart._asdict(), shared._asdict()
    five = {"n_conditions": 1, "n_targets": 5}
    one = {"n_conditions": 1, "n_targets": 1}
    assert planning.tflop(apart, **five) == pytest.approx(5 * planning.tflop(apart, **one))
    assert planning.tflop(shared, **five) < 2 * planning.tflop(shared, **one)


def test_image_options_count(tmp_path):
    build.save("internvl", tmp_path)
    whole = told(tmp_path, image_options={"crop_to_patches": False})
    tiled = told(tmp_path)
    assert whole.n_image_tokens < tiled.n_image_tokens
    tiles = tiled.n_image_tokens / whole.n_image_tokens
    assert tiled.tflop_image == pytest.approx(tiles * whole.tflop_image)


def test_text_alone_costs_no_vision_tower(tmp_path):
    build.save("llava", tmp_path)
    found = told(tmp_path, size=None)
    assert (found.n_image_tokens, found.tflop_image) == (0, 0)
    assert found.n_prompt_tokens == told(tmp_path).n_prompt_tokens


def test_what_will_not_be_scored_is_refused(tmp_path):
    build.save("llama", tmp_path / "text")
    with pytest.raises(Refused, match="takes no images") as error:
        told(tmp_path / "text")
    assert error.value.status == "not applicable"
    build.save("git", tmp_path / "git")
    with pytest.raises(Refused, match="captioner"):
        told(tmp_path / "git")
    (tmp_path / "git/config.json").unlink()
    with pytest.raises(Refused, match="no config.json"):
        told(tmp_path / "git")


def test_a_network_that_needs_its_weights_says_so(tmp_path, monkeypatch):
    build.save("llama", tmp_path)
    forward = transformers.LlamaModel.forward

    def looks(*args, **kwargs):
        out = forward(*args, **kwargs)
        assert out.last_hidden_state.isfinite().all()
        return out

    monkeypatch.setattr(transformers.LlamaModel, "forward", looks)
    with pytest.raises(NoEstimate, match="no estimate of a llama: .*meta"):
        told(tmp_path, size=None)


@pytest.mark.parametrize("n_targets", [1, 5])
def test_the_peak_is_that_of_a_run_with_weights(n_targets, tmp_path):
    checkpoints.save(checkpoints.SMALL, tmp_path)
    sample = cost._Sample(PROMPT, TARGET, SIZE)
    of = [0] * n_targets if n_targets > 1 else None
    bare = loading.load_without_weights(tmp_path, **USUAL)
    batch = bare.encode([sample] * n_targets, of)
    with weightless.running(bare.network) as run:
        bare.tail_logits(batch)
    real = load(tmp_path)
    profiler = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    with torch.inference_mode(), profiler:
        real.tail_logits(batch)
    events = profiler.profiler.kineto_results.events()
    events = sorted(filter(lambda e: e.name() == "[memory]", events), key=lambda e: e.start_ns())
    held = accumulate(event.nbytes() for event in events)
    assert run.peak_bytes == pytest.approx(max(held), rel=0.02)
