"""Which samples share a batch: a pure function of their lengths and the budget."""

import hashlib
import json


def plan_batches(lengths, *, batch_tokens):
    """Put rows of similar length together, the longest first.

    The longest come first so that a lack of memory shows at once; ties keep their order, so
    that the same input always gives the same plan, and with it the same numbers bit for bit.

    Parameters
    ----------
    lengths : sequence of int, the number of tokens of each row
    batch_tokens : int, the most tokens in a batch, padding included (a longer row is alone)

    Returns
    -------
    list of lists of indices into `lengths`; every index stands in exactly one
    """
    batches, batch = [], []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > batch_tokens:
            batches.append(batch)
            batch = []
        batch.append(i)
    return batches + [batch] if batch else batches


def fingerprint(*facts):
    """A short hash of what can be written as JSON."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
