"""Gate a model, then score its shard: what one process does with a loaded model."""

import dataclasses
import resource
import sys
import time

import torch

from modelmap import memory
from modelmap.quoting import plain
from modelmap.scoring import gate
from modelmap.scoring.noise import noise_floor
from modelmap.scoring.shard import score_shard


def gate_and_score(model, samples, probes, *, batch_tokens, workers, require_image_use, parts, key):
    """Score `samples` if the model passes the gate on `probes`.

    Parameters
    ----------
    probes : (given, shuffled), see gate.check
    batch_tokens : int (or its text), or "auto" for what the model suggests
    workers : int, processes that encode batches while a GPU computes
    parts, key : see shard.score_shard

    Returns
    -------
    rows : list of dict, empty if the gate refuses
    facts : dict for the provenance: status, reason, gate, plan, noise, seconds, peak_memory and
        peak_device_memory (bytes; None without a GPU)
    """
    begin = time.monotonic()
    auto = batch_tokens == "auto"
    batch_tokens = model.suggested_batch_tokens if auto else int(batch_tokens)
    status = "refused"
    try:
        about = model.facts(probes[0][0])
        checks = gate.check(
            model, *probes, batch_tokens=batch_tokens, require_image_use=require_image_use
        )
        reason = gate.refusal(checks)
    except torch.OutOfMemoryError as error:
        about, checks, status = {}, [], "too_large"
        reason = f"one sample does not fit the device's memory: {str(error)[:200]}"
    except (MemoryError, torch.AcceleratorError):
        raise  # no fault of the model
    except Exception as error:  # a model that cannot be run on a few samples is refused
        memory.expect_enough(error)
        about, checks, reason = {}, [], plain(f"the gate: {type(error).__name__}: {error}")
    for check in checks:
        print(
            "gate: {check} {verdict} ({value:.4g}, limit {limit:.4g})".format(**check),
            file=sys.stderr,
        )
    facts = {"status": status if reason else "ok", "reason": reason, "gate": checks}
    rows = []
    if not reason:
        if any(c["check"] == "shared_prefix" and c["value"] > c["limit"] for c in checks):
            family = dataclasses.replace(model.family, shares_prefix=False)
            model = dataclasses.replace(model, family=family)
        rows, scored = score_shard(
            model,
            samples,
            batch_tokens=batch_tokens,
            workers=workers,
            parts=parts,
            key=[key, about],
        )
        facts |= scored
        facts["noise"] = noise_floor(model, samples, rows, batch_tokens=batch_tokens)
    facts |= about
    on_gpu = model.device.type == "cuda"
    return rows, facts | {
        "batch_tokens": batch_tokens,
        "seconds": round(time.monotonic() - begin, 3),
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "peak_device_memory": torch.cuda.max_memory_allocated() if on_gpu else None,
    }
