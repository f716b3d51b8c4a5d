"""Score a shard batch by batch, so that a killed job goes on where it was."""

import json
import sys
import time
import zlib
from pathlib import Path

from modelmap.scoring.likelihood import TOO_LONG, failed
from modelmap.scoring.pipeline import plan, score_batches
from modelmap.scoring.plan import fingerprint, identity, name

REPORT_EVERY = 5  # seconds


def score_shard(model, samples, *, batch_tokens, workers, parts, key):
    """Score `samples` under one batch plan, keeping each finished batch on disk.

    Parameters
    ----------
    model : what scoring asks of it stands in models.model.Model
    samples : list of samples, the variants one after another
    batch_tokens : int
    workers : int, see pipeline.score_batches
    parts : folder of this shard's finished batches; the caller removes it once all is written
    key : what else the numbers depend on (model, settings, versions), as JSON can hold it:
        parts of another key or plan are not used

    Returns
    -------
    rows : list of dict, one per sample and variant, in the order of `samples`
    facts : dict for the provenance: plan (hash), n_batches, n_shared_batches, n_resumed,
        n_halvings

    Raises
    ------
    OSError
        If a part cannot be written: the disk is full, or gone.
    """
    batches = plan(model, samples, batch_tokens=batch_tokens)
    fit = {i for batch in batches for i in batch.members}
    planned = [[[identity(samples[i]) for i in b.members], b.of] for b in batches]
    plan_hash = fingerprint(key, planned)
    folder = Path(parts) / plan_hash
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number:06d}.json" for number in range(len(batches))]

    found = {i: failed(sample, TOO_LONG) for i, sample in enumerate(samples) if i not in fit}
    n_halvings, todo = 0, []
    for number, batch in enumerate(batches):
        part = _read(files[number], [name(samples[i]) for i in batch.members])
        if part is None:
            todo.append(number)
            continue
        found |= dict(zip(batch.members, part["rows"], strict=True))
        n_halvings += part["n_halvings"]
    progress = _Progress(len(found), len(samples))
    scored = score_batches(model, samples, [batches[n] for n in todo], workers=workers)
    for number, (rows, n) in zip(todo, scored, strict=True):
        _write(files[number], {"rows": rows, "n_halvings": n})
        found |= dict(zip(batches[number].members, rows, strict=True))
        n_halvings += n
        progress.show(len(found))
    rows = [found[i] for i in range(len(samples))]
    return rows, {
        "plan": plan_hash,
        "n_batches": len(batches),
        "n_shared_batches": sum(batch.of is not None for batch in batches),
        "n_resumed": len(batches) - len(todo),
        "n_halvings": n_halvings,
    }


def _read(file, names):
    """A finished batch; None where there is none, or not these samples as they were written."""
    if not file.exists():
        return None
    checksum, _, text = file.read_bytes().partition(b"\n")
    if checksum == _checksum(text):
        part = json.loads(text)
        if [[row["sample_id"], row["variant"]] for row in part["rows"]] == names:
            return part
    print(f"{file} is not as it was written: its samples are scored again", file=sys.stderr)
    return None


def _write(file, part):
    text, temporary = json.dumps(part).encode(), file.with_suffix(".tmp")
    try:
        temporary.write_bytes(_checksum(text) + b"\n" + text)
        temporary.replace(file)
    except OSError as error:
        error.filename = str(file)  # on a full disk nobody says it
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _checksum(text):
    return b"%08x" % zlib.crc32(text)


class _Progress:
    """Says now and then how far the scoring is, and how fast."""

    def __init__(self, done, total):
        self.already, self.total = done, total
        self.begin = self.last = time.monotonic()

    def show(self, done):
        now = time.monotonic()
        if now - self.last < REPORT_EVERY and done < self.total:
            return
        self.last = now
        rate = (done - self.already) / max(now - self.begin, 1e-9)
        kept = f", {self.already} of them kept" if self.already else ""
        left = f", {(self.total - done) / rate:.0f} s left" if rate and done < self.total else ""
        digits = 1 if rate >= 10 else 3
        print(  # modelmap.progress reads it
            f"{done}/{self.total} samples{kept}, {rate:.{digits}f} samples/s{left}",
            file=sys.stderr,
            flush=True,
        )
