"""Texts that a model writes by itself: ancestral sampling from its full distribution."""

import zlib

import numpy as np
import torch

from modelmap.scoring.pipeline import plan


def write_texts(model, samples, *, max_tokens, batch_tokens, seed):
    """Let a model write a text behind each sample's prompt and image.

    Every token is drawn from the whole vocabulary at temperature 1, from what the prompt's cache
    and the tokens before say, until the end of turn is drawn. Each sample has a stream of random
    numbers of its own, so that neither order nor batches change a text.

    Parameters
    ----------
    model : as models.Model
    samples : with a `sample_id` of their own each; their targets are not looked at
    max_tokens : int, of a text and its end of turn; one that is longer is cut there
    batch_tokens : int, the most tokens in a batch
    seed : int

    Returns
    -------
    list of dict, in the order of `samples`, of tables.TEXTS:
        text : None where what was written spells none that could be scored
        log_likelihood, end_log_likelihood : nats of the tokens as drawn, and of the end of turn;
            the latter None of a text that was cut

    Raises
    ------
    Refused
        If the model's family is not known to continue a cached prompt.
    """
    by_length = {}
    for i, sample in enumerate(samples):
        n = model.encode([sample], [0]).inputs["input_ids"].shape[1]
        by_length.setdefault((n, sample.size is None), []).append(i)
    rows = {}
    for (n, _), members in by_length.items():
        size = max(1, min(batch_tokens // (n + max_tokens), model.max_targets))
        for start in range(0, len(members), size):
            some = members[start : start + size]
            written = _write(model, [samples[i] for i in some], max_tokens, seed)
            rows |= dict(zip(some, written, strict=True))
    return [rows[i] for i in range(len(samples))]


@torch.inference_mode()
def _write(model, samples, max_tokens, seed):
    """Write behind prompts of one length."""
    end = model.end_of_turn
    streams = [_stream(seed, sample.sample_id) for sample in samples]
    ids, values = [[] for _ in samples], [[] for _ in samples]
    behind, todo = model.begin(samples), list(range(len(samples)))
    for step in range(max_tokens):
        log_p = behind.next_logits[:, 0].double().log_softmax(-1).cpu().numpy()
        for row, i in zip(log_p, todo, strict=True):
            token = _draw(row, streams[i])
            ids[i].append(token)
            values[i].append(row[token])
        going = [k for k, i in enumerate(todo) if not (end and ids[i][-len(end) :] == end)]
        todo = [todo[k] for k in going]
        if not todo or step + 1 == max_tokens:
            break
        behind.take(torch.tensor(going))
        behind.extend(torch.tensor([[ids[i][-1]] for i in todo], device=model.device))
    return [_row(model, *written, end) for written in zip(samples, ids, values, strict=True)]


def _stream(seed, sample_id):
    return np.random.default_rng([seed, zlib.crc32(sample_id.encode())])


def _draw(log_p, stream):
    """Draw a token by inverting the distribution function."""
    cumulative = np.exp(log_p).cumsum()
    return int(np.searchsorted(cumulative, stream.random() * cumulative[-1], side="right"))


def _row(model, sample, ids, values, end):
    ended = bool(end) and ids[-len(end) :] == end
    n = len(ids) - len(end) * ended
    text, canonical = model.text_of(sample, ids[:n])
    return {
        "sample_id": sample.sample_id,
        "text": text,
        "canonical": canonical,
        "log_likelihood": float(np.sum(values[:n])),
        "end_log_likelihood": float(np.sum(values[n:])) if ended else None,
        "token_ids": ids[:n],
    }


@torch.inference_mode()
def token_log_probabilities(model, samples, *, batch_tokens):
    """How likely each token of the vocabulary is at each token of the targets.

    What a network's head has beyond the tokenizer's vocabulary is left out: it pads the head, by
    another number in each size of a family.

    Parameters
    ----------
    samples : all of which the model can score
    batch_tokens : int, the most tokens in a batch, padding included

    Returns
    -------
    log_p : float32 ndarray of shape (n_tokens, vocabulary size), nats; targets one after another
    ids : list of list of int, the tokens of each target
    """
    found, n_tokens = {}, 1 + max(model.tokenizer.get_vocab().values())
    for members, of in plan(model, samples, batch_tokens=batch_tokens):
        batch = model.encode([samples[i] for i in members], of)
        log_p = model.tail_logits(batch)[..., :n_tokens].log_softmax(-1).cpu().numpy()
        for i, row, values in zip(members, batch.rows, log_p, strict=True):
            found[i] = row.target, values[: len(row.target)]
    ids, log_p = zip(*(found[i] for i in range(len(samples))), strict=True)
    return np.concatenate(log_p), list(ids)
