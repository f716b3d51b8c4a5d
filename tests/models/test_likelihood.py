"""The score of every family is what transformers' own loss says, however it is batched."""

import dataclasses

import pytest
import torch
from tiny import load, noise

from modelmap.models.model import Model
from modelmap.scoring.likelihood import score_samples

# Rounding in float32, relative and absolute (nats).
RELATIVE, ABSOLUTE = 1e-6, 1e-5


def assert_equal(rows, others):
    for row, other in zip(rows, others, strict=True):
        assert row["status"] == other["status"] == "ok"
        for key in ("log_likelihood", "end_log_likelihood"):
            assert row[key] == pytest.approx(other[key], rel=RELATIVE, abs=ABSOLUTE)


def test_log_likelihood_is_minus_the_loss_times_the_tokens(model, samples):
    rows, _ = score_samples(model, samples)
    for sample, row in zip(samples, rows, strict=True):
        batch = model.encode([sample])
        start, n = int(batch.starts[0]), row["n_tokens"]
        labels = torch.full_like(batch.inputs["input_ids"], -100)
        labels[0, start : start + n] = torch.tensor(row["token_ids"])
        with torch.inference_mode():
            loss = model.network(**batch.inputs, labels=labels).loss.item()
        assert row["log_likelihood"] == pytest.approx(-loss * n, rel=RELATIVE, abs=ABSOLUTE)


def test_one_by_one_equals_together(model, samples):
    together, _ = score_samples(model, samples)
    alone = [score_samples(model, [sample])[0][0] for sample in samples]
    assert_equal(together, alone)


def test_padding_changes_nothing(model, samples):
    long = dataclasses.replace(samples[0], target=samples[0].target * 30)
    padded, _ = score_samples(model, [*samples, long])
    assert_equal(padded[:-1], score_samples(model, samples)[0])


def test_order_changes_nothing(model, samples):
    backward, _ = score_samples(model, samples[::-1])
    assert_equal(backward[::-1], score_samples(model, samples)[0])


def test_without_an_image_the_text_alone_is_scored(model, samples):
    bare = [dataclasses.replace(sample, image=None) for sample in samples]
    rows, _ = score_samples(model, bare)
    assert_equal(rows, [score_samples(model, [sample])[0][0] for sample in bare])
    assert all(row["n_image_tokens"] == 0 for row in rows)


def test_another_image_gives_another_score(model, samples):
    other = [dataclasses.replace(s, image=noise(*s.size, seed=99)) for s in samples]
    ours, theirs = score_samples(model, samples)[0], score_samples(model, other)[0]
    differences = [
        abs(a["log_likelihood"] - b["log_likelihood"]) for a, b in zip(ours, theirs, strict=True)
    ]
    assert max(differences) > 100 * ABSOLUTE


def test_the_sum_of_the_tokens_is_the_log_likelihood(model, samples):
    for row in score_samples(model, samples)[0]:
        assert sum(row["token_log_likelihoods"]) == pytest.approx(row["log_likelihood"], rel=1e-12)
        assert len(row["token_log_likelihoods"]) == len(row["token_ids"]) == row["n_tokens"]


def test_tokens_decode_to_the_target(model, samples):
    for sample, row in zip(samples, score_samples(model, samples)[0], strict=True):
        text = model.processor.tokenizer.decode(row["token_ids"])
        assert text.endswith(sample.target)
        assert text.removesuffix(sample.target).strip() == ""


def test_token_ends_count_the_bytes_of_the_target(model, samples):
    for sample, row in zip(samples, score_samples(model, samples)[0], strict=True):
        assert row["token_ends"] == sorted(row["token_ends"])
        assert row["token_ends"][-1] == len(sample.target.encode())


def test_columns_are_known_without_looking_at_pixels(model, samples):
    for sample, (prompt, tail, _) in zip(samples, model.lengths(samples), strict=True):
        assert model.encode([sample]).inputs["input_ids"].shape[1] == prompt + tail


def test_the_end_of_turn_is_the_template_s(model):
    assert model.processor.tokenizer.decode(model.end_of_turn) == "<|im_end|>"


def test_a_blank_at_the_end_of_the_prompt_belongs_to_the_target(model, samples):
    template = model.processor.chat_template
    model.processor.chat_template = template.replace("assistant\n", "assistant: ")
    model = Model(model.network, model.processor, model.family)  # renders anew
    try:
        rows, _ = score_samples(model, samples[:2])
        text = model.row(samples[0])[0]
    finally:
        model.processor.chat_template = template
    assert text.endswith("assistant:")
    decoded = model.processor.tokenizer.decode(rows[0]["token_ids"])
    assert decoded == " " + samples[0].target


def test_without_a_template_the_prompt_stands_as_it_is(model, samples):
    template = model.processor.chat_template
    model.processor.chat_template = None
    model = Model(model.network, model.processor, model.family)  # renders anew
    try:
        rows, _ = score_samples(model, samples[:3])
        alone = [score_samples(model, [sample])[0][0] for sample in samples[:3]]
    finally:
        model.processor.chat_template = template
    assert_equal(rows, alone)
    assert all(row["n_image_tokens"] > 0 for row in rows)


def test_a_while_in_float32_changes_no_bit_of_a_bfloat16_score(checkpoints, samples):
    for family in ("llava", "qwen2_vl"):
        half = load(checkpoints / family, dtype="bfloat16")
        before, _ = score_samples(half, samples)
        with half.float32():
            assert half.is_float32
            exact, _ = score_samples(half, samples)
        assert score_samples(half, samples)[0] == before
        assert exact != before


@pytest.mark.parametrize("target", ["<image>", "see <image> here"])
def test_a_target_that_holds_the_image_token_costs_one_row(checkpoints, samples, target):
    llava = load(checkpoints / "llava")
    bad = dataclasses.replace(samples[1], target=target)
    rows, _ = score_samples(llava, [samples[0], bad, samples[2]])
    assert [row["status"] for row in rows] == ["ok", "target_error", "ok"]
    assert llava.lengths([bad]) == [(0, 0, False)]


@pytest.mark.parametrize("family", ["llava", "gemma3"])
def test_the_logits_of_a_bfloat16_model_are_not_rounded(checkpoints, samples, family):
    half = load(checkpoints / family, dtype="bfloat16")
    assert half.network.dtype == torch.bfloat16
    logits = half.tail_logits(half.encode(samples))
    assert (logits != logits.bfloat16().float()).float().mean() > 0.9
    embedding = half.network.get_input_embeddings().weight
    assert embedding.dtype == torch.bfloat16
    assert torch.equal(embedding.float(), half.network.get_output_embeddings().weight)
