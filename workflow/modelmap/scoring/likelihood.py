"""The log-likelihood of targets, token by token, in float32 from the logits on."""

import math
import sys

import numpy as np
import torch

from modelmap import memory
from modelmap.quoting import plain

OK, IMAGE_ERROR = "ok", "image_error"
TOO_LONG, NON_FINITE = "too_long", "non_finite"
FAILED, PROMPT_ERROR = "failed", "prompt_error"
FATAL = (MemoryError, torch.OutOfMemoryError, torch.AcceleratorError, ImportError)


@torch.inference_mode()
def token_log_likelihoods(model, batch):
    """Log-likelihood in nats of every target and end-of-turn token.

    The logits in column t - 1 predict the token in column t::

        column     0    1    2    3    4
        token      P    P    y1   y2   end
        logits          ^    ^    ^          of the columns 2, 3, 4

    Returns
    -------
    float32 Tensor of shape (n_rows, n_tail), on the CPU; of a GPU's it may still be on its way:
    see `Launched`. Behind the end of a row it holds nothing of meaning.
    """
    logits = model.tail_logits(batch)
    tails = batch.tails.to(logits.device)[..., None]
    values = logits.gather(-1, tails)[..., 0] - logits.logsumexp(-1)
    if values.device.type != "cuda":
        return values.cpu()
    there = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return there.copy_(values, non_blocking=True)


class Launched:
    """A batch whose values are computed, or on a GPU on their way."""

    def __init__(self, model, samples, batch):
        self.samples, self.batch = samples, batch
        self.values = token_log_likelihoods(model, batch)
        self.event = torch.cuda.Event() if model.device.type == "cuda" else None
        if self.event:
            self.event.record()

    def rows(self):
        """The rows of its samples, once they are there."""
        if self.event:
            self.event.synchronize()
        values = self.values.numpy()
        return [
            _row(sample, self.batch, i, values[i, : len(self.batch.rows[i].tail)])
            for i, sample in enumerate(self.samples)
        ]


def score_samples(model, samples, of=None, launched=None):
    """Score samples as one batch, or, where memory is short, as its halves.

    A sample whose image or target the processor cannot take gets a row that says so; one with a
    value that is not finite is scored again alone, then alone in float32, then marked.

    Parameters
    ----------
    of : which prompt each sample continues, see plan.Batch
    launched : callable that gives the Launched batch, or raises what computing it raised;
        None: it is encoded and computed here

    Returns
    -------
    rows : list of dict, the columns of a score, in the order of `samples`
    n_halvings : int, how often the batch was halved for lack of memory
    """
    rows = None
    try:
        if launched is None:
            rows = Launched(model, samples, model.encode(samples, of)).rows()
        else:
            rows = launched().rows()
    except torch.OutOfMemoryError as error:
        if len(samples) == 1:
            _tell(samples[0], error)
            return [failed(samples[0], FAILED)], 0
    except FATAL:
        raise
    except Exception as error:  # of one sample, or of what no batch can hold together
        memory.expect_enough(error)
        if len(samples) == 1:
            return [_without_score(model, samples[0], error)], 0
        return _apart(model, [([sample], None) for sample in samples])
    if rows is None:  # here, where the error no longer holds the tensors of the failed try
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        rows, n = _apart(model, _halves(samples, of))
        return rows, n + 1
    if len(samples) > 1:
        bad = [i for i, row in enumerate(rows) if row["status"] == NON_FINITE]
        for i in bad:
            rows[i] = score_samples(model, [samples[i]])[0][0]
    elif rows[0]["status"] == NON_FINITE and not model.is_float32:
        try:
            with model.float32():
                rows, _ = score_samples(model, samples)
        except torch.OutOfMemoryError:
            pass  # no room for the weights in float32: it stays not finite
    return rows, 0


def _without_score(model, sample, error):
    """The row of a sample that cannot be scored: because of what it is, or of what it does."""
    try:
        model.encode([sample])
    except Exception as reason:
        memory.expect_enough(reason)
        own = IMAGE_ERROR if sample.size else PROMPT_ERROR
        status, error = getattr(reason, "status", own), reason
    else:
        status = FAILED
    _tell(sample, f"{status}: {error}")
    return failed(sample, status)


def _tell(sample, what):
    print(plain(f"{sample.sample_id} ({sample.variant}): {what}"), file=sys.stderr)


def failed(sample, status):
    """The row of a sample that has no score."""
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


def _halves(samples, of):
    """Two halves, each with its `of` counted from 0."""
    half = len(samples) // 2
    if of is None:
        return [(samples[:half], None), (samples[half:], None)]
    return [
        (samples[:half], of[:half]),
        (samples[half:], [prompt - of[half] for prompt in of[half:]]),
    ]


def _apart(model, parts):
    scored = [score_samples(model, *part) for part in parts]
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
