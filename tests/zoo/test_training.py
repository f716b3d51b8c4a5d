"""Training is deterministic, does what its name says, and writes ordinary checkpoints."""

import json

import pytest
import torch
from tiny import load

from modelmap.datasets import scenes
from modelmap.zoo import merging, training

pytestmark = pytest.mark.slow

WORLD = {
    "kinds": dict.fromkeys(scenes.KINDS, 0.2),
    "styles": {"short": 0.6, "detail": 0.2, "tag": 0.2},
    "synonyms": 0.1,
}
BASE = {
    "recipe": "base",
    "architecture": "smolvlm",
    "world": WORLD,
    "world_name": "test",
    "tokenizer": 40,
    "questions": 0.3,
    "seed": 0,
    "steps": 8,
    "n_pairs": 64,
    "learning_rate": 2e-3,
}
CHILD = BASE | {"steps": 3, "learning_rate": 1e-3, "towards": {"detail": 0.6}}


def make(folder, recipe, *parents):
    training.train(
        recipe,
        [str(parent) for parent in parents],
        folder,
        draw_pairs=scenes.draw_pairs,
        draw_texts=scenes.draw_texts,
        prompt="Describe the image.",
        threads=1,
    )
    return folder


def weights(folder):
    return load(folder).network.state_dict()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make(tmp_path_factory.mktemp("base"), BASE)


def test_the_same_seed_gives_the_same_weights(base, tmp_path):
    again, other = make(tmp_path / "a", BASE), make(tmp_path / "b", BASE | {"seed": 1})
    assert (again / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    assert (other / "model.safetensors").read_bytes() != (base / "model.safetensors").read_bytes()


def test_a_checkpoint_holds_what_one_from_a_hub_holds(base):
    files = {path.name for path in base.iterdir()}
    assert files >= {"config.json", "model.safetensors", "tokenizer.json", "processor_config.json"}
    assert files >= {"tokenizer_config.json", "chat_template.jinja", "generation_config.json"}
    assert json.loads((base / "config.json").read_text())["model_type"] == "smolvlm"


def test_training_lowers_the_loss():
    model = training.build("llava", scenes.draw_texts(prompt="?")[:300], 40, seed=0)
    pairs = scenes.draw_pairs(64, seed=("t",), prompt="?", questions=0, **WORLD)
    batches = training._encode(model, [training.Pair(*pair) for pair in pairs])

    def loss():
        with torch.no_grad():
            values = [training._token_log_likelihoods(model, batch) for batch in batches]
        return sum(float(training._cross_entropy(*pair)) for pair in values)

    before = loss()
    pairs = [training.Pair(*pair) for pair in pairs]
    training.fit(model, pairs, steps=30, learning_rate=2e-3, seed=0)
    assert loss() < 0.7 * before


def test_a_merge_is_the_mean_of_its_parents(base, tmp_path):
    sft = make(tmp_path / "sft", CHILD | {"recipe": "sft"}, base)
    merging.merge([base, sft], tmp_path / "merge")
    merged = weights(tmp_path / "merge")
    a, b = weights(base), weights(sft)
    assert any(not torch.equal(a[key], b[key]) for key in a)
    for key, value in merged.items():
        torch.testing.assert_close(value, (a[key] + b[key]) / 2)


@pytest.mark.slow
def test_preferences_raise_the_margin_and_random_ones_do_not_so_much(base):
    pairs = scenes.draw_pairs(64, seed=("p",), prompt="?", questions=0, **WORLD)
    pairs = [training.Pair(*pair) for pair in pairs]
    rejected = [
        training.Pair(a.image, a.prompt, b.target)
        for a, b in zip(pairs, pairs[1:] + pairs[:1], strict=True)
    ]

    def margin(model):
        both = zip(training._encode(model, pairs), training._encode(model, rejected), strict=True)
        with torch.no_grad():
            return torch.cat([training._margin(model, *pair)[0] for pair in both]).mean().item()

    margins = {"before": margin(load(base))}
    for name, random_labels in (("right", False), ("random", True)):
        model = load(base)
        training.prefer(
            model, pairs, steps=30, learning_rate=1e-3, seed=0, random_labels=random_labels
        )
        margins[name] = margin(model)
    assert margins["right"] > margins["before"] + 1
    assert margins["right"] > margins["random"] + 1


def test_styles_are_blended_towards_another():
    blended = training._blend(WORLD["styles"], {"detail": 0.6})
    assert blended == pytest.approx({"short": 0.24, "detail": 0.68, "tag": 0.08})


def test_masks_made_at_once_are_those_the_network_makes(tmp_path):
    model = load(make(tmp_path, BASE | {"architecture": "gemma3", "steps": 1, "n_pairs": 16}))
    drawn = scenes.draw_pairs(
        16, seed=("test", "masks"), prompt="Describe the image.", questions=0.3, **WORLD
    )
    pairs = [training.Pair(*pair) for pair in drawn]
    masked = training._encode(model, pairs, batch=5)
    assert len({batch.inputs["input_ids"].shape for batch in masked}) > 1  # padded differently
    for i, batch in enumerate(masked):
        assert set(batch.inputs["attention_mask"]) == {"full_attention", "sliding_attention"}
        by_itself = model.encode(pairs[5 * i : 5 * i + 5])
        assert torch.equal(model.tail_logits(batch), model.tail_logits(by_itself))
