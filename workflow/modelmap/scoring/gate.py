"""Checks that a model can be trusted, before any of its scores count.

Some pairs of the dataset are scored first, in the process that then scores the rest. A check
passes, flags (the model is scored, the report shows it) or refuses (the model gets an empty
result with the reason). Random weights pass: they are a bad model, not a wrong one.
"""

import math

import numpy as np
import torch

from modelmap.scoring.likelihood import score_samples, too_long
from modelmap.scoring.plan import plan_batches

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
    rows = _score(model, given, batch_tokens)
    checks = [_finite(rows)]
    good = [(s, row) for s, row in zip(given, rows, strict=True) if row["status"] == "ok"]
    if not good:
        return checks
    few = [sample for sample, _ in good[:N_SINGLE]]
    checks += [_causal(model, few), _batched(model, few)]
    if (expected := model.n_image_tokens([sample.size for sample, _ in good])) is not None:
        checks.append(_image_tokens(expected, [row for _, row in good]))
    if not model.is_float32:
        checks.append(_float32(model, few, [row for _, row in good[:N_SINGLE]]))
    others = [] if shuffled is None else _score(model, shuffled, batch_tokens)
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


def _score(model, samples, batch_tokens):
    """Score samples in planned batches; rows in the order of `samples`."""
    lengths = model.n_columns(samples)
    fit = [i for i, length in enumerate(lengths) if length <= model.max_columns]
    rows = {i: too_long(samples[i]) for i in set(range(len(samples))).difference(fit)}
    for batch in plan_batches([lengths[i] for i in fit], batch_tokens=batch_tokens):
        scored, _ = score_samples(model, [samples[fit[j]] for j in batch])
        rows |= {fit[j]: row for j, row in zip(batch, scored, strict=True)}
    return [rows[i] for i in range(len(samples))]


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
    batch = model.encode(samples)
    columns = range(min(batch.starts), batch.columns().stop)
    ids = batch.inputs["input_ids"]
    changed = ids.clone()
    last = [s + len(row.target) - 1 for s, row in zip(batch.starts, batch.rows, strict=True)]
    for i, column in enumerate(last):
        changed[i, column] = batch.rows[i].target[0] if len(set(batch.rows[i].target)) > 1 else 1
        if changed[i, column] == ids[i, column]:
            changed[i, column] = (ids[i, column] + 1) % int(ids.max())
    before = model.logits(batch.inputs, list(columns))
    after = model.logits(batch.inputs | {"input_ids": changed}, list(columns))
    moved = (before - after).abs().amax(-1)
    worst = max(
        float(moved[i, : column - columns.start + 1].max()) for i, column in enumerate(last)
    )
    return _verdict("causal", worst, 1e-3, not worst > 1e-3, REFUSE)


def _batched(model, samples):
    """Score alone and together in float32: equal up to rounding."""
    try:
        with model.float32():
            together, _ = score_samples(model, samples)
            alone = [score_samples(model, [sample])[0][0] for sample in samples]
    except torch.OutOfMemoryError:  # there is no room for the weights in float32
        return _verdict("batched", math.nan, 1e-4, False, FLAG)
    pairs = [
        (abs(a["log_likelihood"] - b["log_likelihood"]), 1e-6 * abs(b["log_likelihood"]) + 1e-4)
        for a, b in zip(together, alone, strict=True)
        if a["status"] == b["status"] == "ok"
    ]
    off, limit = max(pairs, key=lambda pair: pair[0] - pair[1], default=(0.0, 1e-4))
    return _verdict("batched", off, limit, off <= limit, REFUSE)


def _image_tokens(expected, rows):
    """The processor's own count of image tokens against the placeholders found."""
    off = [abs(n - row["n_image_tokens"]) for n, row in zip(expected, rows, strict=True)]
    off = max(off, default=0)
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
