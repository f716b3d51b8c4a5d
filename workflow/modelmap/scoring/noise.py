"""How much of a model's scores is numeric noise."""

import dataclasses

import numpy as np
import torch

from modelmap.scoring.pipeline import score

N_SAMPLES = 64


def noise_floor(model, samples, rows, *, batch_tokens):
    """The variance over samples of a model's rounding, from some samples scored again.

    Batched otherwise and nothing shared, a score differs by the noise of two plans, of which half
    is each one's. In float32 it differs by all the noise of lower precision, that of its plan
    included.

    Parameters
    ----------
    samples, rows : what was scored, and its scores

    Returns
    -------
    dict: n_samples, plan_nats2 and float32_nats2 (None where there is nothing to compare with),
        noise_nats2, the larger of both
    """
    good = [(s, r) for s, r in zip(samples, rows, strict=True) if r["status"] == "ok"]
    good = [(s, r) for s, r in good if s.variant == "given"]
    n = min(N_SAMPLES, len(good))
    good = [good[i * len(good) // n] for i in range(n)]
    if len(good) < 2:
        return {"n_samples": len(good), "noise_nats2": None}
    some, before = map(list, zip(*good, strict=True))
    plain = dataclasses.replace(
        model, family=dataclasses.replace(model.family, shares_prefix=False)
    )
    plan = _variance(before, score(plain, some, batch_tokens=batch_tokens // 2))
    plan = None if plan is None else plan / 2
    exact = None
    if not model.is_float32:
        try:
            with model.float32():
                exact = _variance(before, score(plain, some, batch_tokens=batch_tokens // 2))
        except torch.OutOfMemoryError:
            pass
    return {
        "n_samples": len(some),
        "plan_nats2": plan,
        "float32_nats2": exact,
        "noise_nats2": max((x for x in (plan, exact) if x is not None), default=None),
    }


def _variance(rows, others):
    off = [
        a["log_likelihood"] - b["log_likelihood"]
        for a, b in zip(rows, others, strict=True)
        if a["status"] == b["status"] == "ok"
    ]
    return float(np.var(off, ddof=1)) if len(off) > 1 else None
