"""Measure every family by the checks of equivalence.py; print the page docs/families.md.

PYTHONPATH=workflow:tests python tests/families/table.py > docs/families.md
PYTHONPATH=workflow:tests python tests/families/table.py llava gpt2    # some families only
"""

import sys
import tempfile

import torch
import transformers

from families import build, equivalence
from modelmap.models.families import KNOWN, REFUSED

HEAD = """# Families

What the scoring engine is known to score right, family by family, by `model_type` as it stands in
a checkpoint's `config.json`. Made by `python tests/families/table.py` (with `workflow` and `tests`
on the path) from tiny checkpoints with random weights, which are saved and read back through
transformers' Auto classes; torch {torch}, transformers {transformers}, float32 on a CPU.
`tests/models/test_equivalence.py` holds every line of it.

Each figure is the largest difference in nats (of logits under `causal`, of tokens under
`lengths`) between two ways to the same score, over six targets behind images of different sizes.
They may differ by 1e-6 of the score + 1e-4 nats. A dash: there is no second way to compare with.
`fails`: expected, see below.

{checks}
"""
SAYS = {
    "batched": "all in one batch, against one by one",
    "padding": "beside a much longer row",
    "shared": "targets behind an image that is computed once",
    "head": "logits of the targets' columns alone, against all logits",
    "loss": "against transformers' own loss times the number of tokens",
    "mask": "right padding without a mask, against one with it",
    "packed": "attention in packed images at once, against the family's own loop",
    "text": "without an image, in a batch, against one by one",
    "causal": "how far earlier logits move when a target's last token is replaced (at most 1e-3)",
    "lengths": "tokens planned without looking at a pixel, against those encoded (0)",
}


def row(name):
    """A line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            tiny = equivalence.Tiny(name, folder)
            figures = [_figure(tiny, check) for check in equivalence.CHECKS]
        except Exception as error:
            figures = [f"{type(error).__name__}: {error}"]
    return f"| {name} | {' | '.join(figures)} |"


def _figure(tiny, check):
    try:
        apart = equivalence.CHECKS[check](tiny)
    except Exception as error:
        if (tiny.name, check) in equivalence.EXPECTED_FAILURES:
            return "fails"
        return f"**{type(error).__name__}: {error}**"
    if apart is None:
        return "–"
    shown = "0" if apart == 0 else f"{apart:.0e}"
    return shown if apart <= equivalence.limit(tiny, check) else f"**{shown}**"


def main(names):
    transformers.logging.set_verbosity_error()
    checks = "\n".join(f"- `{check}`: {SAYS[check]}" for check in equivalence.CHECKS)
    versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    print(HEAD.format(checks=checks, **versions))
    print(f"| family | {' | '.join(equivalence.CHECKS)} |")
    print("|---" * (len(equivalence.CHECKS) + 1) + "|")
    for name in names or sorted(KNOWN):
        print(row(name), flush=True)
    if equivalence.EXPECTED_FAILURES:
        print("\n## Failures that are expected\n\n| family | check | why |\n|---|---|---|")
        for (name, check), why in sorted(equivalence.EXPECTED_FAILURES.items()):
            print(f"| {name} | {check} | {why} |")
    print("\n## Refused\n\n| family | why |\n|---|---|")
    for name, why in sorted(REFUSED.items()):
        print(f"| {name} | {why} |")
    print("\n## Not held by a test\n\nScored by the careful path if the gate lets them; flagged.\n")
    print("| family | why there is no test |\n|---|---|")
    for name, why in sorted(build.CANNOT.items()):
        print(f"| {name} | {why} |")


if __name__ == "__main__":
    main(sys.argv[1:])
