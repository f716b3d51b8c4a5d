"""Many samples through a model: planned, encoded ahead, computed, read back.

On a GPU nobody waits for another: workers encode the next batches into pinned memory, the GPU
computes one, and the values of the one before are on their way back.
"""

import os
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader

from modelmap.scoring.likelihood import (
    FATAL,
    TOO_LONG,
    Launched,
    failed,
    score_samples,
)
from modelmap.scoring.plan import Batch, Length, plan_batches

AHEAD = 1  # batches that each worker holds ready: images are large
MOST_WORKERS = 4


def plan(model, samples, *, batch_tokens):
    """Plan batches of indices into `samples`; those too long for the network are in none.

    Returns
    -------
    list of plan.Batch, all of one with an image or all without
    """
    conditions = {}
    batches = []
    for with_image in (True, False):
        indices = [i for i, sample in enumerate(samples) if (sample.size is not None) == with_image]
        lengths = {}
        found = model.lengths([samples[i] for i in indices])
        for i, (prompt, tail, shares) in zip(indices, found, strict=True):
            shared = conditions.setdefault(samples[i].condition, len(conditions))
            lengths[i] = Length(prompt, tail, shared if shares else None)
        fit = [i for i in indices if lengths[i].total <= model.max_columns]
        planned = plan_batches(
            [lengths[i] for i in fit], batch_tokens=batch_tokens, batch_targets=model.max_targets
        )
        batches += [Batch(tuple(fit[j] for j in b.members), b.of) for b in planned]
    return batches


def score_batches(model, samples, batches, *, workers=0):
    """Score planned batches one after another.

    Parameters
    ----------
    workers : int, processes that encode batches ahead; 0: they are encoded in between

    Yields
    ------
    (rows, n_halvings) of each batch, see likelihood.score_samples
    """
    todo = [([samples[i] for i in batch.members], batch.of) for batch in batches]
    on_gpu = model.device.type == "cuda"
    encoded = DataLoader(
        _Encoded(model, todo),
        batch_size=None,
        num_workers=min(workers, MOST_WORKERS),
        prefetch_factor=AHEAD if workers else None,
        pin_memory=on_gpu,
        multiprocessing_context="fork" if workers else None,
        worker_init_fn=_start_worker,
    )
    waiting = None
    for (some, of), batch in zip(todo, encoded, strict=True):
        launched = _launch(model, some, batch)
        if waiting:
            yield waiting()
        waiting = partial(score_samples, model, some, of, launched)
        if not on_gpu:
            yield waiting()
            waiting = None
    if waiting:
        yield waiting()


def score(model, samples, *, batch_tokens):
    """Score samples at once, nothing kept on disk; rows in their order."""
    batches = plan(model, samples, batch_tokens=batch_tokens)
    rows = {}
    for batch, (found, _) in zip(batches, score_batches(model, samples, batches), strict=True):
        rows |= dict(zip(batch.members, found, strict=True))
    return [rows.get(i) or failed(sample, TOO_LONG) for i, sample in enumerate(samples)]


def repeatedly(model, samples, *, batch_tokens):
    """Encode samples once, to score them with whatever weights the model has at the time.

    Returns
    -------
    callable that gives the log-likelihoods: ndarray of shape (n_samples,), nats; NaN where a
        sample has none
    """
    batches = plan(model, samples, batch_tokens=batch_tokens)
    todo = [[samples[i] for i in batch.members] for batch in batches]
    encoded = [model.encode(some, batch.of) for some, batch in zip(todo, batches, strict=True)]

    def log_likelihoods():
        values = np.full(len(samples), np.nan)
        for some, batch, there in zip(todo, batches, encoded, strict=True):
            rows = Launched(model, some, there).rows()
            values[list(batch.members)] = [row["log_likelihood"] for row in rows]
        return values

    return log_likelihoods


class _Encoded(torch.utils.data.Dataset):
    """Encoded batches; where that fails, what was raised."""

    def __init__(self, model, todo):
        self.model, self.todo = model, todo

    def __len__(self):
        return len(self.todo)

    def __getitem__(self, i):
        samples, of = self.todo[i]
        try:
            return self.model.encode(samples, of)
        except FATAL:
            raise
        except Exception as error:
            return error


def _start_worker(_):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def _launch(model, samples, batch):
    """Compute a batch; what it raises is raised when the result is asked for."""
    try:
        if isinstance(batch, Exception):
            raise batch
        done = Launched(model, samples, batch)
    except torch.AcceleratorError:
        raise
    except Exception as error:
        error.__traceback__ = None  # it would hold the tensors of the failed try
        return partial(_raise, error)
    return lambda: done


def _raise(error):
    raise error
