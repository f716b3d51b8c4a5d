"""A model with a PEFT adapter scores as the two merged; one that does not fit is refused."""

import json
import os
import shutil

import pytest
import torch
from families import build
from safetensors.torch import load_file, save_file
from tiny import Sample, load, noise

from modelmap.models.model import Refused
from modelmap.scoring.likelihood import score_samples

FAMILIES = ["llama", "llava", "qwen2_5_vl"]
TARGETS = ["a red circle", "There are two blue squares.", "x", "A small green triangle"]
WEIGHTS = "adapter_model.safetensors"
A = torch.ones(4, 4)


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """For each family a folder with a checkpoint `base`, an `adapter`, and both `merged`."""
    import peft  # behind modelmap's own imports, which make torchvision importable

    folder = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(FAMILIES):
        build.save(name, folder / name / "base", seed=seed)
        model = load(folder / name / "base")
        torch.manual_seed(seed)
        lora = peft.LoraConfig(
            r=4,
            lora_alpha=8,
            target_modules=["q_proj", "v_proj", "down_proj"],
            init_lora_weights=False,  # else one of the two factors is zero
        )
        adapted = peft.get_peft_model(model.network, lora)
        adapted.save_pretrained(folder / name / "adapter")
        adapted.merge_and_unload().save_pretrained(folder / name / "merged")
        model.processor.save_pretrained(folder / name / "merged")
    return folder


@pytest.fixture(params=FAMILIES)
def family(request, bases):
    return bases / request.param


def adapted(folder, **options):
    return load(folder / "base", adapter=str(folder / "adapter"), **options)


def values(model, *, together=True):
    some = [
        Sample(f"s{i}", target, noise(40 + 8 * i, 48, seed=i) if model.sees_images else None)
        for i, target in enumerate(TARGETS)
    ]
    if together:
        rows, _ = score_samples(model, some)
    else:
        rows = [score_samples(model, [sample])[0][0] for sample in some]
    return [row["log_likelihood"] for row in rows]


def test_an_adapter_changes_every_score(family):
    pairs = zip(values(adapted(family)), values(load(family / "base")), strict=True)
    assert min(abs(a - b) for a, b in pairs) > 1e-2


def test_a_model_with_an_adapter_scores_as_the_two_merged(family):
    assert values(adapted(family)) == pytest.approx(values(load(family / "merged")), abs=1e-4)


def test_with_an_adapter_one_by_one_equals_together(family):
    model = adapted(family)
    assert values(model) == pytest.approx(values(model, together=False), abs=1e-4)


def test_with_an_adapter_targets_may_share_their_prompt(bases):
    model = adapted(bases / "llava")
    some = [Sample(f"s{i}", target, noise(48, 48)) for i, target in enumerate(TARGETS)]
    together, _ = score_samples(model, some, [0] * len(some))
    for row, sample in zip(together, some, strict=True):
        (alone,), _ = score_samples(model, [sample])
        assert row["log_likelihood"] == pytest.approx(alone["log_likelihood"], abs=1e-4)


def test_an_adapter_goes_onto_a_model_of_lower_precision(bases):
    half = adapted(bases / "llava", dtype="bfloat16")
    exact = values(adapted(bases / "llava"))
    assert values(half) != exact
    assert values(half) == pytest.approx(exact, abs=0.5)


@pytest.mark.parametrize(("name", "other"), [("llava", "qwen2_5_vl"), ("llava", "llama")])
def test_an_adapter_of_another_family_is_refused(bases, name, other):
    """Half of it may fit by name; the rest would be left out, or random."""
    assert_refused(bases / name / "base", bases / other / "adapter")


def rewrite(change):
    def damage(folder):
        weights = change(load_file(folder / WEIGHTS))
        save_file(weights, folder / WEIGHTS, {"format": "pt"})

    return damage


def target(modules):
    def damage(folder):
        file = folder / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"target_modules": modules}))

    return damage


def pickle(folder):
    torch.save(load_file(folder / WEIGHTS), folder / "adapter_model.bin")
    (folder / WEIGHTS).unlink()


DAMAGES = {
    "missing": shutil.rmtree,
    "no config": lambda folder: (folder / "adapter_config.json").unlink(),
    "broken config": lambda folder: (folder / "adapter_config.json").write_text("{"),
    "no weights": lambda folder: (folder / WEIGHTS).unlink(),
    "truncated": lambda folder: os.truncate(folder / WEIGHTS, 100),
    "pickled": pickle,
    "half of it": rewrite(lambda weights: dict(sorted(weights.items())[::2])),
    "too wide": rewrite(lambda weights: {k: torch.cat([v, v], 1) for k, v in weights.items()}),
    "renamed": rewrite(lambda weights: {k.replace("layers", "h"): v for k, v in weights.items()}),
    "too much": rewrite(lambda weights: weights | {"base_model.model.h.lora_A.weight": A}),
    "no such layers": target(["c_attn"]),
    "too many layers": target(["q_proj", "v_proj", "down_proj", "k_proj"]),
    "too few layers": target(["q_proj"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_adapter_that_is_broken_or_does_not_fit_is_refused(bases, tmp_path, damage):
    adapter = shutil.copytree(bases / "llava" / "adapter", tmp_path / "damaged")
    DAMAGES[damage](adapter)
    assert_refused(bases / "llava" / "base", adapter)


def assert_refused(base, adapter):
    """With a message that names the adapter: the checkpoint under it may well be whole."""
    with pytest.raises(Refused) as refused:
        load(base, adapter=str(adapter))
    assert refused.value.status == "corrupt"
    assert str(adapter) in str(refused.value)
