"""Checks that a model can be trusted, before any of its scores count.

Some pairs of the dataset are scored first, in the process that then scores the rest. A check
passes, flags (the model is scored, the report shows it) or refuses (the model gets an empty
result with the reason). Random weights pass: they are a bad model, not a wrong one.
"""

import dataclasses
import math

import numpy as np
import torch

from modelmap import memory
from modelmap.scoring.likelihood import Launched, score_samples
from modelmap.scoring.pipeline import score

N_PAIRS = 32
N_SINGLE = 8
PASS, FLAG, REFUSE = "pass", "flag", "refuse"


def check(model, given, shuffled, *, batch_tokens, require_image_use):
    """Run every check on a few dozen pairs.

    Parameters
    ----------
    given, shuffled : the same samples with their own image and with another group's;
        `shuffled` is None where there is no other image
    batch_tokens : the most tokens in a batch
    require_image_use : refuse, not only flag, a model that scores both alike

    Returns
    -------
    list of dict: check, value, limit, verdict
    """
    rows = score(model, given, batch_tokens=batch_tokens)
    checks = [_finite(rows)]
    good = [(s, row) for s, row in zip(given, rows, strict=True) if row["status"] == "ok"]
    if not good:
        model.tail_logits(model.encode(given[:1]))  # raises what is wrong with all of them
        return checks
    known = model.is_known
    checks.append(_verdict("known_family", known, 1, known, FLAG))
    thinks = model.opens_thought(given[0])
    checks.append(_verdict("no_thinking", not thinks, 1, not thinks, FLAG))
    few = [sample for sample, _ in good[:N_SINGLE]]
    checks += [_causal(model, few), _batched(model, few)]
    if model.family.shares_prefix:
        checks.append(_shared(model, few))
    checks.append(_planned(model, few))
    if not model.is_float32:
        checks.append(_float32(model, few, [row for _, row in good[:N_SINGLE]]))
    if all(sample.size is None for sample in given):
        return checks
    others = [] if shuffled is None else score(model, shuffled, batch_tokens=batch_tokens)
    return [*checks, _image_used(rows[: len(others)], others, require_image_use)]


def refusal(checks):
    """Why the gate refuses a model, or None."""
    failed = [c for c in checks if c["verdict"] == REFUSE]
    return (
        "; ".join(f"{c['check']}: {_SAYS[c['check']]} ({c['value']:.4g})" for c in failed) or None
    )


_SAYS = {
    "finite": "no sample of the gate has a score (NaN, infinite, or refused by the processor)",
    "causal": "changing the last token moves earlier logits, so targets leak; by at most",
    "batched": "alone and in a batch a sample scores differently; by nats",
    "image_used": "another image costs nothing; nats per sample",
}


def _verdict(name, value, limit, good, otherwise):
    verdict = PASS if good else otherwise
    return {"check": name, "value": float(value), "limit": float(limit), "verdict": verdict}


def _finite(rows):
    share = np.mean([row["status"] == "ok" for row in rows])
    verdict = _verdict("finite", share, 1, share == 1, FLAG)
    return verdict | {"verdict": REFUSE} if share == 0 else verdict


@torch.inference_mode()
def _causal(model, samples):
    """Replace each target's last token: no logit before it may move."""
    worst = 0.0
    for sample in samples:
        batch = model.encode([sample])
        last = len(batch.rows[0].target) - 1
        tails, ids = batch.tails.clone(), batch.inputs["input_ids"].clone()
        other = next(token for token in (1, 2) if token != int(tails[0, last]))
        tails[0, last] = ids[0, batch.starts[0] + last] = other
        changed = dataclasses.replace(batch, inputs=batch.inputs | {"input_ids": ids}, tails=tails)
        moved = (model.tail_logits(batch) - model.tail_logits(changed)).abs().amax(-1)
        worst = max(worst, float(moved[0, : last + 1].max()))
    return _verdict("causal", worst, 1e-3, not worst > 1e-3, REFUSE)


def _batched(model, samples):
    """Score alone and together in float32: equal up to rounding."""
    try:
        with model.float32():
            together, _ = score_samples(model, samples)
            alone = [score_samples(model, [sample])[0][0] for sample in samples]
    except torch.OutOfMemoryError:  # there is no room for the weights in float32
        return _verdict("batched", math.nan, 1e-4, False, FLAG)
    return _equal("batched", together, alone, REFUSE)


def _shared(model, samples):
    """Score all targets behind one image, sharing it and each by itself, in float32.

    Where that fails, nothing is shared (see job.gate_and_score).
    """
    first = samples[0]
    pairs = [
        dataclasses.replace(first, sample_id=sample.sample_id, target=sample.target)
        for sample in samples
        if not model.row(dataclasses.replace(first, target=sample.target))[1].straddle
    ]
    try:
        with model.float32():
            shared = model.encode(pairs, [0] * len(pairs))
            together = Launched(model, pairs, shared).rows()
            alone, _ = score_samples(model, pairs)
    except torch.OutOfMemoryError:
        return _verdict("shared_prefix", math.nan, 1e-4, False, FLAG)
    except (ValueError, RuntimeError, TypeError) as error:  # it cannot continue at all
        memory.expect_enough(error)
        return _verdict("shared_prefix", math.inf, 1e-4, False, FLAG)
    return _equal("shared_prefix", together, alone, FLAG)


def _equal(name, rows, others, otherwise):
    pairs = [
        (abs(a["log_likelihood"] - b["log_likelihood"]), 1e-6 * abs(b["log_likelihood"]) + 1e-4)
        for a, b in zip(rows, others, strict=True)
        if a["status"] == b["status"] == "ok"
    ]
    off, limit = max(pairs, key=lambda pair: pair[0] - pair[1], default=(0.0, 1e-4))
    return _verdict(name, off, limit, off <= limit, otherwise)


def _planned(model, samples):
    """Tokens of prompt and image as planned without a pixel, against those encoded."""
    off = max(
        abs(prompt - int(model.encode([sample]).starts[0]))
        for sample, (prompt, _, _) in zip(samples, model.lengths(samples), strict=True)
    )
    return _verdict("image_tokens", off, 0, off == 0, FLAG)


def _float32(model, samples, rows):
    """How far the model's own precision is from float32, in nats (root mean square)."""
    try:
        with model.float32():
            exact, _ = score_samples(model, samples)
    except torch.OutOfMemoryError:
        return _verdict("float32", math.nan, 0.25, False, FLAG)
    off = _differences(rows, exact)
    rms = math.sqrt(np.mean(off**2)) if len(off) else 0.0
    return _verdict("float32", rms, 0.25, rms <= 0.25, FLAG)


def _image_used(rows, shuffled, require):
    """Paired one-sided t-test at 5 %: does another image cost anything? NaN if there is none."""
    gap = _differences(rows, shuffled)
    n, otherwise = len(gap), REFUSE if require else FLAG
    if n < 3:
        return _verdict("image_used", math.nan, 0, False, otherwise)
    error = gap.std(ddof=1) / math.sqrt(n)
    return _verdict("image_used", gap.mean(), 0, gap.mean() > _t95(n - 1) * error, otherwise)


def _t95(n):
    """Student's t for one-sided 95 %, n >= 2 (Abramowitz and Stegun 26.7.5; 6 % off at n = 2)."""
    z = 1.6448536
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)


def _differences(rows, others):
    return np.array(
        [
            a["log_likelihood"] - b["log_likelihood"]
            for a, b in zip(rows, others, strict=True)
            if a["status"] == b["status"] == "ok"
        ]
    )
