"""The noise floor is the variance that a model's rounding adds to its scores."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny import Sample, load, noise

from modelmap.scoring import pipeline
from modelmap.scoring.likelihood import score_samples
from modelmap.scoring.noise import N_SAMPLES, noise_floor

BATCH_TOKENS = 512


@pytest.fixture(scope="module")
def checkpoint(checkpoints, tmp_path_factory):
    """A checkpoint in bfloat16, so that in float32 it holds the same weights."""
    folder = tmp_path_factory.mktemp("bfloat16")
    model = load(checkpoints / "qwen2_vl")
    model.network.to(torch.bfloat16).save_pretrained(folder)
    model.processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def shard():
    """Three captions of each image."""
    texts = ["a red circle", "There are two blue squares.", "A small triangle at the top left."]
    return [
        Sample(f"s{i}-{k}", text, noise(32 + 8 * (i % 3), 48, seed=i))
        for i in range(8)
        for k, text in enumerate(texts)
    ]


def floor(model, shard):
    rows = pipeline.score(model, shard, batch_tokens=BATCH_TOKENS)
    return noise_floor(model, shard, rows, batch_tokens=BATCH_TOKENS), rows


def values(rows):
    return np.array([row["log_likelihood"] for row in rows])


def test_a_float32_model_has_next_to_no_noise(checkpoint, shard):
    found, _ = floor(load(checkpoint, dtype="float32"), shard)
    assert found["n_samples"] == len(shard)
    assert found["float32_nats2"] is None
    assert 0 <= found["noise_nats2"] == found["plan_nats2"] < 1e-8


def test_noise_in_bfloat16_is_the_variance_of_the_distance_from_float32(checkpoint, shard):
    found, rows = floor(load(checkpoint, dtype="bfloat16"), shard)
    whole = load(checkpoint, dtype="float32")
    exact = values([score_samples(whole, [sample])[0][0] for sample in shard])
    variance = np.var(values(rows) - exact, ddof=1)
    assert variance > 1e-6
    assert found["float32_nats2"] == pytest.approx(variance, rel=1e-2)
    assert found["noise_nats2"] >= found["float32_nats2"]
    assert found["noise_nats2"] > 100 * floor(whole, shard)[0]["noise_nats2"]


def test_the_noise_of_a_plan_is_half_the_variance_between_two(checkpoint, shard):
    half = load(checkpoint, dtype="bfloat16")
    found, rows = floor(half, shard)
    plain = dataclasses.replace(half, family=dataclasses.replace(half.family, shares_prefix=False))
    others = pipeline.score(plain, shard, batch_tokens=BATCH_TOKENS // 2)
    variance = np.var(values(rows) - values(others), ddof=1)
    assert variance > 0
    assert found["plan_nats2"] == pytest.approx(variance / 2, rel=1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_afterwards_the_model_is_the_same_to_the_bit(checkpoint, shard, dtype):
    model = load(checkpoint, dtype=dtype)
    tensors = [*model.network.named_parameters(), *model.network.named_buffers()]
    before = {name: tensor.detach().clone() for name, tensor in tensors}
    _, rows = floor(model, shard)
    for name, tensor in tensors:
        assert tensor.dtype == before[name].dtype
        assert torch.equal(tensor, before[name])
    assert pipeline.score(model, shard, batch_tokens=BATCH_TOKENS) == rows


def test_other_variants_and_rows_without_a_score_add_nothing(checkpoint, shard):
    half = load(checkpoint, dtype="bfloat16")
    bare = [dataclasses.replace(s, image=None, variant="none") for s in shard]
    more = [*shard[:5], dataclasses.replace(shard[0], target=""), *shard[5:], *bare]
    rows = pipeline.score(half, more, batch_tokens=BATCH_TOKENS)
    assert {row["status"] for row in rows} == {"ok", "target_error"}
    found = noise_floor(half, more, rows, batch_tokens=BATCH_TOKENS)
    assert found["n_samples"] == len(shard)
    good = [r for r in rows if r["status"] == "ok" and r["variant"] == "given"]
    exact = pipeline.score(load(checkpoint), shard, batch_tokens=BATCH_TOKENS)
    variance = np.var(values(good) - values(exact), ddof=1)
    assert found["float32_nats2"] == pytest.approx(variance, rel=1e-2)


def test_of_many_samples_some_are_compared_and_of_one_none(checkpoint, shard):
    model = load(checkpoint)
    many = [dataclasses.replace(s, sample_id=f"{s.sample_id}-{k}") for k in range(4) for s in shard]
    assert floor(model, many)[0]["n_samples"] == N_SAMPLES
    assert floor(model, shard[:1])[0] == {"n_samples": 1, "noise_nats2": None}
