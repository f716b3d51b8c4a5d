"""What a model writes is drawn from the distribution that the engine scores it by."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import Sample, load, noise

from modelmap.scoring import pipeline
from modelmap.scoring.writing import token_log_probabilities, write_texts
from modelmap.zoo import training

HOW = {"batch_tokens": 2048, "seed": 0}
TEXTS = ["a red circle", "a red square", "two blue squares", "two red rings in a row"]


def learned(architecture, image, *, seed, steps=30):
    """A tiny model that has learned to say TEXTS, and to end there."""
    model = training.build(architecture, ["user\nassistant\nSay.", *TEXTS] * 20, 40, seed=seed)
    pairs = [training.Pair(image, "Say." if image else "", text) for text in TEXTS] * 8
    training.fit(model, pairs, steps=steps, learning_rate=4e-3, seed=seed)
    model.network.requires_grad_(False)
    return model


@pytest.fixture(
    scope="module", params=["gpt2", "qwen2_vl", pytest.param("gemma3", marks=pytest.mark.slow)]
)
def writer(request):
    """A model, and many samples to write behind: all of one prompt and image."""
    image = None if request.param == "gpt2" else noise(48, 48)
    sample = Sample("", "x", image, prompt="Say." if image else "")
    model = learned(request.param, image, seed=0)
    return model, [replace(sample, sample_id=f"s{i}") for i in range(60)]


def test_the_sampler_and_the_engine_agree_on_a_text(writer):
    model, asked = writer
    written = write_texts(model, asked, max_tokens=40, **HOW)
    kept = [(s, row) for s, row in zip(asked, written, strict=True) if row["canonical"]]
    assert len(kept) > 40
    shown = [replace(sample, target=row["text"]) for sample, row in kept]
    scores = pipeline.score(model, shown, batch_tokens=2048)
    for score, (_, row) in zip(scores, kept, strict=True):
        assert score["status"] == "ok"
        assert score["token_ids"] == row["token_ids"]
        assert score["log_likelihood"] == pytest.approx(row["log_likelihood"], abs=1e-4)
        if row["end_log_likelihood"] is not None:
            assert score["end_log_likelihood"] == pytest.approx(row["end_log_likelihood"], abs=1e-4)


def test_neither_order_nor_batches_change_a_text(writer):
    model, asked = writer
    some = asked[:12]
    written = write_texts(model, some, max_tokens=12, **HOW)
    again = write_texts(model, some[::-1], max_tokens=12, **HOW | {"batch_tokens": 100})[::-1]
    assert [row["token_ids"] for row in written] == [row["token_ids"] for row in again]
    assert len({tuple(row["token_ids"]) for row in written}) > 1
    other = write_texts(model, some, max_tokens=12, **HOW | {"seed": 1})
    assert [row["token_ids"] for row in other] != [row["token_ids"] for row in written]


def test_a_text_that_is_too_long_is_cut_and_has_no_end(writer):
    model, asked = writer
    for row in write_texts(model, asked[:5], max_tokens=2, **HOW):
        ended = row["end_log_likelihood"] is not None
        assert len(row["token_ids"]) == 2 - ended


def test_divergence_of_texts_is_that_of_their_tokens():
    """By the chain rule, KL(p ‖ q) = E_{x~p} Σ_t KL(p(·|x_<t) ‖ q(·|x_<t)), the end included."""
    p, q = (learned("gpt2", None, seed=0, steps=steps) for steps in (20, 40))
    asked = [Sample(f"s{i}", "x", prompt="") for i in range(200)]
    by_text, by_token = [], []
    for row in write_texts(p, asked, max_tokens=40, **HOW):
        ended = row["end_log_likelihood"] is not None
        tokens = torch.tensor(row["token_ids"] + p.end_of_turn * ended)[:, None]
        begin = torch.tensor([p.tokenizer.bos_token_id])
        with torch.inference_mode():  # plainly, by transformers
            ids = torch.cat([begin, tokens[:, 0]])[None, :-1]
            log_p, log_q = (m.network(ids).logits[0].double().log_softmax(-1) for m in (p, q))
        drawn = row["log_likelihood"] + (row["end_log_likelihood"] or 0)
        assert log_p.gather(1, tokens).sum().item() == pytest.approx(drawn, abs=1e-4)
        by_text.append(drawn - log_q.gather(1, tokens).sum().item())
        by_token.append((log_p.exp() * (log_p - log_q)).sum().item())
    gaps = np.array(by_text) - by_token
    error = gaps.std() / len(gaps) ** 0.5
    assert np.mean(by_token) > 5 * error  # else nothing is shown
    assert abs(gaps.mean()) < 3 * error


def test_first_tokens_are_drawn_from_the_whole_distribution():
    """E_p log p and E_p log q over tokens drawn from p are what the distributions say."""
    model = training.build("llama", TEXTS * 20, 40, seed=0)
    sample = Sample("", "a red circle", prompt="")
    log_p, _ = token_log_probabilities(model, [sample], batch_tokens=2048)
    asked = [replace(sample, sample_id=f"s{i}") for i in range(400)]
    written = write_texts(model, asked, max_tokens=1, **HOW | {"batch_tokens": 20000})
    drawn = [row["token_ids"] or model.end_of_turn for row in written]
    found = log_p[0, [token for (token,) in drawn]]
    exact = float(np.exp(log_p[0]) @ log_p[0])
    assert len({token for (token,) in drawn}) > 50  # random weights: nearly all are possible
    assert abs(found.mean() - exact) < 4 * found.std() / 20


def test_distributions_are_those_of_transformers_and_hold_the_score(checkpoints, samples):
    model = load(checkpoints / "smolvlm")
    some = samples[:5]
    log_p, ids = token_log_probabilities(model, some, batch_tokens=200)
    assert log_p.shape == (sum(map(len, ids)), len(model.tokenizer))
    np.testing.assert_allclose(np.exp(log_p.astype(float)).sum(1), 1, atol=1e-5)
    scores, begin = pipeline.score(model, some, batch_tokens=2048), 0
    for sample, target, score in zip(some, ids, scores, strict=True):
        mine = log_p[begin : begin + len(target)]
        begin += len(target)
        assert target == score["token_ids"]
        assert mine[range(len(target)), target].sum() == pytest.approx(
            score["log_likelihood"], abs=1e-3
        )
        batch = model.encode([sample])
        first = int(batch.starts[0]) - 1
        with torch.inference_mode():
            plain = model.network(**batch.inputs).logits[0, first : first + len(target)]
        np.testing.assert_allclose(mine, plain.log_softmax(-1).numpy(), atol=2e-5)


def test_a_family_that_continues_no_cache_is_refused_by_name(checkpoints, samples):
    from modelmap.models.loading import Refused

    model = load(checkpoints / "llava", share_prefix=False)
    with pytest.raises(Refused, match="llava is not known to continue a cached prompt"):
        write_texts(model, samples[:1], max_tokens=4, **HOW)
