"""Score a shard batch by batch, so that a killed job goes on where it was."""

import json
import sys
import time
import zlib
from itertools import groupby
from pathlib import Path

from modelmap.scoring.likelihood import score_samples, too_long
from modelmap.scoring.plan import fingerprint, plan_batches

REPORT_EVERY = 5  # seconds


def score_shard(model, samples, *, batch_tokens, parts, key):
    """Score `samples` under one batch plan, keeping each finished batch on disk.

    Parameters
    ----------
    model : what scoring asks of it stands in models.loading.Model
    samples : list of samples, the variants one after another
    batch_tokens : int
    parts : folder of this shard's finished batches; the caller removes it once all is written
    key : what else the numbers depend on (model, settings, versions), as JSON can hold it:
        parts of another key or plan are not used

    Returns
    -------
    rows : list of dict, one per sample and variant, in the order of `samples`
    facts : dict for the provenance: plan (hash), n_batches, n_resumed, n_halvings

    Raises
    ------
    RuntimeError
        If the batches do not hold every sample once.
    """
    batches = _plan(model, samples, batch_tokens)
    fit = {i for batch in batches for i in batch}
    plan = fingerprint(key, [[_identity(samples[i]) for i in batch] for batch in batches])
    folder = Path(parts) / plan
    folder.mkdir(parents=True, exist_ok=True)
    progress = _Progress(len(samples))
    scored = {i: too_long(sample) for i, sample in enumerate(samples) if i not in fit}
    facts = {"plan": plan, "n_batches": len(batches), "n_resumed": 0, "n_halvings": 0}
    for number, batch in enumerate(batches):
        file = folder / f"{number:06d}.json"
        if file.exists():
            part = json.loads(file.read_text())
            facts["n_resumed"] += 1
        else:
            rows, n_halvings = score_samples(model, [samples[i] for i in batch])
            part = {"rows": rows, "n_halvings": n_halvings}
            _write(file, part)
        facts["n_halvings"] += part["n_halvings"]
        scored |= dict(zip(batch, part["rows"], strict=True))
        progress.show(len(scored))
    rows = [scored[i] for i in range(len(samples))]
    if [_name(sample) for sample in samples] != [[r["sample_id"], r["variant"]] for r in rows]:
        raise RuntimeError(f"{folder}: the parts do not hold every sample once; delete them")
    return rows, facts


def _plan(model, samples, batch_tokens):
    """Batches of indices into `samples`, each of one variant; too long samples are in none."""
    batches = []
    for _, indices in groupby(range(len(samples)), key=lambda i: samples[i].variant):
        indices = list(indices)
        lengths = dict(zip(indices, model.n_columns([samples[i] for i in indices]), strict=True))
        fit = [i for i in indices if lengths[i] <= model.max_columns]
        plan = plan_batches([lengths[i] for i in fit], batch_tokens=batch_tokens)
        batches += [[fit[j] for j in batch] for batch in plan]
    return batches


def _name(sample):
    return [sample.sample_id, sample.variant]


def _identity(sample):
    """All that a sample's score depends on."""
    content = zlib.crc32(sample.content or b"")
    return [*_name(sample), sample.prompt, sample.target, sample.size, content]


def _write(file, part):
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(part))
    temporary.replace(file)


class _Progress:
    """Says now and then how far the scoring is, and how fast."""

    def __init__(self, total):
        self.total = total
        self.begin = self.last = time.monotonic()
        self.already = None

    def show(self, done):
        now = time.monotonic()
        if self.already is None:  # the first batch may be resumed, or hold the start-up
            self.already = 0 if done == self.total else done
            self.begin = self.begin if done == self.total else now
        if now - self.last < REPORT_EVERY and done < self.total:
            return
        self.last = now
        rate = (done - self.already) / max(now - self.begin, 1e-9)
        left = f", {(self.total - done) / rate:.0f} s left" if rate and done < self.total else ""
        print(
            f"{done}/{self.total} samples, {rate:.1f} samples/s{left}", file=sys.stderr, flush=True
        )
