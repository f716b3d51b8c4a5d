"""Gate a model, then score its shard: what one process does with a loaded model."""

import resource
import sys
import time

from modelmap.scoring import gate
from modelmap.scoring.shard import score_shard


def gate_and_score(model, samples, probes, *, batch_tokens, require_image_use, parts, key):
    """Score `samples` if the model passes the gate on `probes`.

    Parameters
    ----------
    probes : (given, shuffled), see gate.check
    batch_tokens : int (or its text), or "auto" for what the model suggests
    parts, key : see shard.score_shard

    Returns
    -------
    rows : list of dict, empty if the gate refuses
    facts : dict for the provenance: status, reason, gate, plan, seconds, peak_memory (bytes)
    """
    begin = time.monotonic()
    auto = batch_tokens == "auto"
    batch_tokens = model.suggested_batch_tokens if auto else int(batch_tokens)
    checks = gate.check(model, *probes, require_image_use=require_image_use)
    for check in checks:
        print(
            "gate: {check} {verdict} ({value:.4g}, limit {limit:.4g})".format(**check),
            file=sys.stderr,
        )
    reason = gate.refusal(checks)
    facts = {"status": "refused" if reason else "ok", "reason": reason, "gate": checks}
    facts |= model.facts(probes[0][0])
    rows = []
    if not reason:
        rows, scored = score_shard(model, samples, batch_tokens=batch_tokens, parts=parts, key=key)
        facts |= scored
    return rows, facts | {
        "batch_tokens": batch_tokens,
        "seconds": round(time.monotonic() - begin, 3),
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
