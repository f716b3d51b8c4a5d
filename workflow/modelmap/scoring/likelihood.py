"""The log-likelihood of targets, token by token, in float32 from the logits on."""

import math

import numpy as np
import torch

OK, IMAGE_ERROR = "ok", "image_error"
TOO_LONG, NON_FINITE = "too_long", "non_finite"


@torch.inference_mode()
def token_log_likelihoods(model, batch):
    """Log-likelihood in nats of every target and end-of-turn token.

    The logits in column t - 1 predict the token in column t::

        column     0    1    2    3    4
        token      P    P    y1   y2   end
        logits          ^    ^    ^          of the columns 2, 3, 4

    Returns
    -------
    list of float32 arrays, one per row: of its target's tokens, then of its end of turn
    """
    columns = batch.columns()
    logits = model.logits(batch.inputs, list(columns))
    ids = batch.inputs["input_ids"][:, columns.start : columns.stop].to(logits.device)
    chosen = logits.gather(-1, ids[..., None])[..., 0] - logits.logsumexp(-1)
    chosen = chosen.cpu().numpy()
    return [
        chosen[i, start - columns.start :][: len(row.target) + len(row.end_of_turn)]
        for i, (start, row) in enumerate(zip(batch.starts, batch.rows, strict=True))
    ]


def score_samples(model, samples):
    """Score samples as one batch, or, where memory is short, as its halves.

    A sample whose image or target the processor cannot take gets a row that says so; one with a
    value that is not finite is scored again alone, then alone in float32, then marked.

    Returns
    -------
    rows : list of dict, the columns of a score, in the order of `samples`
    n_halvings : int, how often the batch was halved for lack of memory
    """
    found = None
    try:
        batch = model.encode(samples)
        found = token_log_likelihoods(model, batch)
    except torch.OutOfMemoryError:
        if len(samples) == 1:
            raise
    except (ValueError, OSError, ZeroDivisionError) as error:
        if len(samples) == 1:
            return [_failed(samples[0], getattr(error, "status", IMAGE_ERROR))], 0
        return _apart([[sample] for sample in samples], model)
    if found is None:  # here, where the error no longer holds the tensors of the failed try
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(samples) // 2
        rows, n = _apart([samples[:half], samples[half:]], model)
        return rows, n + 1
    rows = [
        _row(sample, batch, i, values)
        for i, (sample, values) in enumerate(zip(samples, found, strict=True))
    ]
    if len(samples) > 1:
        bad = [i for i, row in enumerate(rows) if row["status"] == NON_FINITE]
        for i in bad:
            rows[i] = score_samples(model, [samples[i]])[0][0]
    elif rows[0]["status"] == NON_FINITE and not model.is_float32:
        with model.float32():
            rows, _ = score_samples(model, samples)
    return rows, 0


def too_long(sample):
    """The row of a sample that the network has no positions for."""
    return _failed(sample, TOO_LONG)


def _apart(parts, model):
    scored = [score_samples(model, part) for part in parts]
    return [row for rows, _ in scored for row in rows], sum(n for _, n in scored)


def _row(sample, batch, i, values):
    row = batch.rows[i]
    n = len(row.target)
    finite = bool(np.isfinite(values).all())
    return {
        "sample_id": sample.sample_id,
        "variant": sample.variant,
        "log_likelihood": math.fsum(values[:n]) if finite else None,
        "end_log_likelihood": math.fsum(values[n:]) if finite and row.end_of_turn else None,
        "n_tokens": n,
        "n_image_tokens": batch.n_image_tokens[i],
        "token_ids": row.target,
        "token_ends": row.ends,
        "token_log_likelihoods": [float(value) for value in values[:n]],
        "status": OK if finite else NON_FINITE,
    }


def _failed(sample, status):
    return {
        "sample_id": sample.sample_id,
        "variant": sample.variant,
        "log_likelihood": None,
        "end_log_likelihood": None,
        "n_tokens": 0,
        "n_image_tokens": 0,
        "token_ids": [],
        "token_ends": [],
        "token_log_likelihoods": [],
        "status": status,
    }
