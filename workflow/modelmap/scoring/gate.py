"""Checks that a model can be trusted, before any of its scores count.

Some pairs of the dataset are scored first, in the process that then scores the rest. A check
passes, flags (the model is scored, the report shows it) or refuses (the model gets an empty
result with the reason). Random weights pass: they are a bad model, not a wrong one.
"""

import math

import numpy as np
import torch

from modelmap.scoring.likelihood import score_samples

N_PAIRS = 32
N_SINGLE = 8
T_32 = 1.696  # Student's t, 31 degrees of freedom, one-sided 95 %
PASS, FLAG, REFUSE = "pass", "flag", "refuse"


def check(model, given, shuffled, *, require_image_use):
    """Run every check on a few dozen pairs.

    Parameters
    ----------
    given, shuffled : the same samples with their own image and with another group's;
        `shuffled` is None where there is no other image
    require_image_use : refuse, not only flag, a model that scores both alike

    Returns
    -------
    list of dict: check, value, limit, verdict
    """
    rows, _ = score_samples(model, given)
    checks = [
        _finite(rows),
        _causal(model, given[:N_SINGLE]),
        _batched(model, given[:N_SINGLE]),
    ]
    taken = [(s.size, row) for s, row in zip(given, rows, strict=True) if row["status"] == "ok"]
    if (expected := model.n_image_tokens([size for size, _ in taken])) is not None:
        checks.append(_image_tokens(expected, [row for _, row in taken]))
    if not model.is_float32:
        checks.append(_float32(model, given, rows))
    if shuffled is not None:
        checks.append(_image_used(rows, score_samples(model, shuffled)[0], require_image_use))
    return checks


def refusal(checks):
    """Why the gate refuses a model, or None."""
    failed = [c for c in checks if c["verdict"] == REFUSE]
    return (
        "; ".join(f"{c['check']}: {_SAYS[c['check']]} ({c['value']:.4g})" for c in failed) or None
    )


_SAYS = {
    "finite": "every score of the gate's samples is NaN or infinite; share that is finite",
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
    with model.float32():
        together, _ = score_samples(model, samples)
        alone = [score_samples(model, [sample])[0][0] for sample in samples]
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
    with model.float32():
        exact, _ = score_samples(model, samples)
    off = _differences(rows, exact)
    rms = math.sqrt(np.mean(off**2)) if len(off) else 0.0
    return _verdict("float32", rms, 0.25, rms <= 0.25, FLAG)


def _image_used(rows, shuffled, require):
    """Paired one-sided test: does another image cost anything?"""
    gap = _differences(rows, shuffled)
    mean = gap.mean() if len(gap) else 0.0
    error = gap.std(ddof=1) / math.sqrt(len(gap)) if len(gap) > 1 else math.inf
    good = mean - T_32 * error > 0
    return _verdict("image_used", mean, 0, good, REFUSE if require else FLAG)


def _differences(rows, others):
    return np.array(
        [
            a["log_likelihood"] - b["log_likelihood"]
            for a, b in zip(rows, others, strict=True)
            if a["status"] == b["status"] == "ok"
        ]
    )
