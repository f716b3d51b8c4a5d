"""How long Snakemake plans many models: `python tests/benchmarks/controller.py` prints Markdown.

A sheet of hub models and four datasets, planned by real Snakemake in processes of their own: a
first run, one with nothing to do, one model more, one row edited; beside a Snakefile of as many
trivial jobs in the same run. Nothing is downloaded or scored.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64decode
from pathlib import Path

import yaml

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE.parents[1]), str(ROOT / "workflow")]

import measured  # noqa: E402
from workflow_runs import write_sheet  # noqa: E402

K, MANY = 1000, 10_000
LIMIT_S, LIMIT_GB = 15, 1  # of each dry run of K models
PACKAGES = ("snakemake",)
N_FAMILIES = 40
IMAGES = {"source": "hub", "split": "val", "image": "image", "n_samples": 1000}
DATASETS = {
    "captions": IMAGES
    | {"path": "org/captions", "target": "caption", "variants": ["given", "shuffled"]},
    "photos": {
        "source": "folder",
        "path": "photos",
        "variants": ["given", "shuffled", "shuffled-2", "shuffled-3", "shuffled-4"],
    },
    "questions": IMAGES
    | {"path": "org/questions", "prompt_column": "question"}
    | {"options": ["A", "B", "C", "D"], "answer": "answer"},
    "texts": {
        "source": "parquet",
        "path": "texts.parquet",
        "target": "text",
        "variants": ["given", "no_prompt"],
    },
}
BENCHMARKS = "benchmarks.tsv"
NOT_KEPT = ("resources/fetched/", "fetched/")  # temporary, ours and of the trivial jobs
TRIVIAL = """\
MODELS = open("models.txt").read().split()
DATASETS = range(4)


rule all:
    input:
        expand("matrix/{dataset}", dataset=DATASETS),


rule retrieve:
    output:
        "models/{model}",
    shell:
        "touch {output}"


rule fetch:
    input:
        "models/{model}",
    output:
        temp("fetched/{dataset}/{model}"),
    shell:
        "touch {output}"


rule score:
    input:
        "models/{model}",
        "fetched/{dataset}/{model}",
    output:
        "scores/{dataset}/{model}",
    shell:
        "touch {output}"


rule gather:
    input:
        expand("scores/{{dataset}}/{model}", model=MODELS),
    output:
        "matrix/{dataset}",
    shell:
        "touch {output}"
"""


def row(i):
    """The i-th model: a base, or one of the three made from it."""
    base, stage = i - i % 4, i % 4
    family = f"family{base % N_FAMILIES}"
    return {
        "model": f"{family}-{base}" + ("", "-sft", "-dpo", "-awq")[stage],
        "label": f"{family.capitalize()} {base} {('base', 'SFT', 'DPO', 'AWQ')[stage]}",
        "repo": f"org-{family}/model-{i}",
        "revision": f"{i:040x}" if i % 3 == 0 else "",
        "family": family,
        "generation": str(1 + base % 3),
        "params_b": str(0.5 * 2 ** (base % 8)),
        "language_model": f"llm{base % 60}",
        "vision_encoder": f"encoder{base % 12}",
        "tokenizer": f"tokenizer{base % 60}",
        "released": f"202{base % 6}-{1 + base % 12:02d}",
        "parent": f"{family}-{base}" if stage else "",
        "recipe": ("", "sft", "dpo", "quantize")[stage],
        "attention": "eager" if i % 50 == 0 else "",
        "note": "",
    }


class Project:
    """A folder whose sheet has many models; `rows` is what it holds, `folder` where."""

    def __init__(self, folder, n_models):
        self.folder, self.rows = folder, [row(i) for i in range(n_models)]
        (folder / "photos").mkdir(parents=True)
        (folder / "photos/metadata.jsonl").write_text('{"file_name": "1.png", "text": "one"}\n')
        (folder / "texts.parquet").touch()
        lines = [f"{line['model']}\t{i % 97}\t{i % 89}" for i, line in enumerate(self.rows)]
        (folder / BENCHMARKS).write_text("\n".join(["name\tfirst\tsecond", *lines, ""]))
        config = {"models": "models.tsv", "datasets": DATASETS, "benchmarks": {"table": BENCHMARKS}}
        (folder / "my.yaml").write_text(yaml.safe_dump(config))
        self.write(self.rows)

    @staticmethod
    def row(i):
        """See `row`."""
        return row(i)

    def write(self, rows):
        """Write the sheet."""
        write_sheet(self.folder / "models.tsv", rows)

    def measure(self, *arguments, **how):
        """Run Snakemake on this folder; see `measure`."""
        given = "--snakefile", str(ROOT / "Snakefile"), "--configfile", "my.yaml"
        return measure(self.folder, *arguments, *given, **how)

    def plan(self, rows=None):
        """A dry run, of other rows."""
        self.write(self.rows if rows is None else rows)
        try:
            return self.measure("--dry-run")
        finally:
            self.write(self.rows)

    def finish(self):
        """Leave the files of a finished run; see `finish`."""
        finish(self.folder, self.measure)


class Trivial:
    """As many jobs with nothing in them: what Snakemake itself takes."""

    def __init__(self, folder, n_models):
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "Snakefile").write_text(TRIVIAL)
        self.rows = [self.row(i) for i in range(n_models)]

    @staticmethod
    def row(i):
        """The i-th model's name."""
        return f"model{i}"

    def measure(self, *arguments):
        """Run Snakemake on this folder; see `measure`."""
        return measure(
            self.folder, *arguments, "--workflow-profile", str(ROOT / "profiles/default")
        )

    def plan(self, rows=None):
        """A dry run, of other models."""
        (self.folder / "models.txt").write_text("\n".join(self.rows if rows is None else rows))
        return self.measure("--dry-run")

    def finish(self):
        """Leave the files of a finished run; see `finish`."""
        self.plan()
        finish(self.folder, self.measure)


def finish(folder, run):
    """Leave what a finished run leaves: Snakemake's own records of every job, and all files.

    With --touch Snakemake computes nothing, but writes the records of inputs and params as after
    any job; it neither makes nor waits for files, which are then made, all of one time.
    """
    many = "1000"  # at once: Snakemake looks at all jobs that are ready whenever one has finished
    run("--touch", "--quiet", "all", "--cores", many, "--resources", f"downloads={many}")
    now = time.time()
    for path in recorded(folder / ".snakemake/metadata"):
        if path.startswith(NOT_KEPT):
            continue
        file = folder / path
        if file.suffix:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text('{"status": "ok"}' if file.suffix == ".json" else "")
        else:
            file.mkdir(parents=True, exist_ok=True)
        os.utime(file, (now, now))


def recorded(metadata):
    """The files that Snakemake's records are of; their names encode these."""
    for file in metadata.rglob("*"):
        if file.is_file():
            encoded = "".join(part.lstrip("@") for part in file.relative_to(metadata).parts)
            yield urlsafe_b64decode(encoded).decode()


def measure(folder, *arguments, count=False):
    """Run Snakemake in a process of its own, which must succeed.

    Parameters
    ----------
    count : bool
        Whether to count calls of functions, which takes longer.

    Returns
    -------
    dict
        seconds, cpu_seconds, gb (peak), torch (whether it was imported), jobs (rule -> number
        planned), calls (None, or of `all` functions and of `ours`)
    """
    begin = time.perf_counter()
    with tempfile.NamedTemporaryFile("r") as report:
        command = [sys.executable, measured.__file__, report.name, *[measured.COUNT] * count]
        done = subprocess.run(
            [*command, "--cores", "1", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begin
        if done.returncode:
            raise RuntimeError(f"snakemake {' '.join(arguments)} failed:\n{done.stdout[-5000:]}")
        table = done.stdout.partition("Job stats:")[2].partition("\n\n")[0]
        jobs = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", table, re.M)}
        jobs.pop("total", None)
        return {"seconds": seconds, "jobs": jobs} | json.load(report)


def main():
    """Measure, and print the tables."""
    options = _options()
    from benchmarks.scoring import describe_run

    print(describe_run(HERE, PACKAGES), end="\n\n")
    few, many = (8, 16) if options.quick else (K, MANY)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = compare(Path(folder), few)
        print(table(found, few), end="\n\n")
        print(most(found), end="\n\n", flush=True)
        print(table(compare(Path(folder), many, whole=False), many))


def compare(folder, n_models, *, whole=True):
    """Measure every kind of run on our workflow and on trivial jobs: what -> (ours, theirs)."""
    found = {}
    for kind in (Project, Trivial):
        project = kind(folder / f"{kind.__name__}{n_models}", n_models)
        rows = project.rows
        note(found, "a first run", project.plan())
        if whole:
            project.finish()
            note(found, "nothing to do", project.plan())
            note(found, "one model more", project.plan([*rows, project.row(n_models)]))
        if whole and kind is Project:
            note(found, "one row edited", project.plan([rows[0] | {"dtype": "float32"}, *rows[1:]]))
            note(found, "one label edited", project.plan([rows[0] | {"label": "x"}, *rows[1:]]))
    return found


def note(found, what, measured):
    """Keep what was measured, and say so."""
    found.setdefault(what, []).append(measured)
    print(what, measured, file=sys.stderr, flush=True)


def table(found, n_models):
    """Markdown of what `compare` found."""
    lines = [
        f"{n_models:,} models, {len(DATASETS)} datasets.",
        "",
        "| dry run | jobs planned | seconds | CPU seconds | peak GB | trivial jobs | CPU seconds "
        "| peak GB | ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for what, (mine, *trivial) in found.items():
        row = [what, f"{sum(mine['jobs'].values()):,}", f"{mine['seconds']:.1f}"]
        row += [f"{mine['cpu_seconds']:.1f}", f"{mine['gb']:.2f}", *[""] * 4]
        for theirs in trivial:
            row[5:] = [f"{sum(theirs['jobs'].values()):,}", f"{theirs['cpu_seconds']:.1f}"]
            row += [f"{theirs['gb']:.2f}", f"{mine['cpu_seconds'] / theirs['cpu_seconds']:.1f}"]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def most(found):
    """What stands against the limits."""
    longest, peak = (max(mine[key] for mine, *_ in found.values()) for key in ("seconds", "gb"))
    return f"longest: **{longest:.1f} s, {peak:.2f} GB** (limit {LIMIT_S} s, {LIMIT_GB} GB)"


def _options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few models")
    parser.add_argument("--folder", help="where projects are made (default: the temporary folder)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
