"""A scoring process for test_killed.py: `python killed_job.py CHECKPOINT FOLDER`.

It imports all it needs and begins when it is told to, by a line on its standard input. In FOLDER
lie the parts; `journal` gets a line with the samples of every batch before it is encoded and
computed, and `rows.json` the rows at the end.
"""

import json
import random
import sys
from pathlib import Path

from tiny import Sample, load, noise

from modelmap.scoring.shard import score_shard

N_SAMPLES, BATCH_TOKENS = 2000, 400
WORDS = ["a", "red", "circle", "and", "two", "small", "squares", "on", "ünïcödé", "漢字", "🙂"]


class Journaled:
    """A model that writes down which samples it is about to score."""

    def __init__(self, model, file):
        self.model, self.file = model, file

    def __getattr__(self, name):
        return getattr(self.model, name)

    def encode(self, samples, of=None):
        line = json.dumps([[f"{s.sample_id}/{s.variant}" for s in samples], of is not None])
        self.file.write(line + "\n")
        self.file.flush()
        return self.model.encode(samples, of)


def samples():
    """Of one to four captions an image, each under two variants; none is without an image."""
    r = random.Random(0)
    images = [noise(8 * r.randint(1, 5), 8 * r.randint(1, 5), seed=i) for i in range(N_SAMPLES)]
    shown = [i for i in range(N_SAMPLES) for _ in range(r.choice([1, 1, 2, 4]))][: N_SAMPLES // 2]
    targets = [" ".join(r.choices(WORDS, k=r.randint(1, 12))) for _ in shown]
    return [
        Sample(f"s{n}", target, images[i], variant=variant)
        for variant, images in (("given", images), ("none", [None] * N_SAMPLES))
        for n, (i, target) in enumerate(zip(shown, targets, strict=True))
    ]


def main(checkpoint, folder):
    """Score all samples in `folder`; what was scored there before is kept."""
    with (folder / "journal").open("a") as journal:
        rows, facts = score_shard(
            Journaled(load(checkpoint), journal),
            samples(),
            batch_tokens=BATCH_TOKENS,
            workers=0,
            parts=folder / "parts",
            key="killed",
        )
    (folder / "rows.json").write_text(json.dumps(rows))
    return rows, facts


if __name__ == "__main__":
    input()
    main(*map(Path, sys.argv[1:]))
