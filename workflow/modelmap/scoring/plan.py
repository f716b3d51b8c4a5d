"""Which samples share a batch: a pure function of their lengths and the budget."""

import hashlib
import json
import zlib
from functools import partial
from importlib.metadata import version
from itertools import groupby
from typing import NamedTuple


class Length(NamedTuple):
    """Tokens of a sample's prompt and of what follows it, and whom it can share the prompt with.

    Samples of equal `shares` are conditioned on the same; None: shares with nobody.
    """

    prompt: int
    tail: int
    shares: object = None

    @property
    def total(self):
        """Tokens of the whole row."""
        return self.prompt + self.tail


class Batch(NamedTuple):
    """Samples that are scored together.

    members : tuple of int
    of : tuple of int, which prompt each member continues, ascending from 0; None: each its own
    """

    members: tuple
    of: tuple | None


def plan_batches(lengths, *, batch_tokens, batch_targets):
    """Put samples into batches, the longest first.

    Samples that are conditioned on the same go together and are computed behind one prompt; in
    such a batch all prompts are of one length, so that no padding stands between prompt and
    target. The others are put with their like in length and padded on the right.

    The longest come first so that a lack of memory shows at once; ties keep their order, so
    that the same input always gives the same plan, and with it the same numbers bit for bit.

    Parameters
    ----------
    lengths : sequence of Length
    batch_tokens : int, the most tokens in a batch, padding included (a longer row is alone);
        behind shared prompts twice as many, as most of them are kept and not computed
    batch_targets : int, the most tokens of tails in a batch, padding included

    Returns
    -------
    list of Batch; every index into `lengths` stands in exactly one
    """

    def fits(rows, longest, tail, tokens=batch_tokens):
        return rows * longest <= tokens and rows * tail <= batch_targets

    fits_behind = partial(fits, tokens=2 * batch_tokens)
    alone, together = _units(lengths, fits_behind)
    batches = [Batch(tuple(members), None) for members in _fill(alone, lengths, fits)]
    together.sort(key=lambda unit: (-lengths[unit[0]].prompt, -_tail(unit, lengths)))
    for _, units in groupby(together, key=lambda unit: lengths[unit[0]].prompt):
        batches += _join(list(units), lengths, fits_behind)
    return sorted(batches, key=lambda batch: -max(lengths[i].total for i in batch.members))


def fingerprint(*facts):
    """A short hash of what can be written as JSON."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def asked(key, samples):
    """What scores are of, told before anything is loaded: `key`, see shard.score_shard, samples."""
    versions = [version(package) for package in ("torch", "transformers")]
    return fingerprint(key, versions, [identity(sample) for sample in samples])


def identity(sample):
    """All that a sample's score depends on."""
    content = zlib.crc32(sample.content or b"")
    return [*name(sample), sample.prompt, sample.target, sample.size, content]


def name(sample):
    """What a sample is called, and how it is shown."""
    return [sample.sample_id, sample.variant]


def _units(lengths, fits):
    """(samples with a prompt of their own, lists of samples behind one prompt)."""
    groups = {}
    for i, length in enumerate(lengths):
        groups.setdefault(i if length.shares is None else (length.shares,), []).append(i)
    alone, together = [], []
    for members in groups.values():
        members.sort(key=lambda i: -lengths[i].tail)
        for unit in _fill(members, lengths, fits):
            if len(unit) == 1:
                alone += unit
            else:
                together.append(unit)
    return sorted(alone), together


def _fill(members, lengths, fits):
    """Cut `members` into lists that fit, the longest rows first."""
    lists, longest, tail = [], 0, 0
    for i in sorted(members, key=lambda i: -lengths[i].total):
        longest, tail = max(longest, lengths[i].total), max(tail, lengths[i].tail)
        if lists and fits(len(lists[-1]) + 1, longest, tail):
            lists[-1].append(i)
        else:
            lists.append([i])
            longest, tail = lengths[i].total, lengths[i].tail
    return lists


def _join(units, lengths, fits):
    """Put units whose prompts are equally long side by side while they fit."""
    batches, joined = [], []
    for unit in units:
        rows = sum(map(len, joined)) + len(unit)
        tail = max(_tail(unit, lengths), *(_tail(u, lengths) for u in joined), 0)
        if joined and not fits(rows, lengths[unit[0]].prompt + tail, tail):
            batches.append(_batch(joined))
            joined = []
        joined.append(unit)
    return [*batches, _batch(joined)]


def _batch(units):
    members = tuple(i for unit in units for i in unit)
    return Batch(members, tuple(k for k, unit in enumerate(units) for _ in unit))


def _tail(unit, lengths):
    return max(lengths[i].tail for i in unit)
