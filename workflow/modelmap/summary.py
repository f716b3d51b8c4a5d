"""What a run made, what failed, and which file to open first: text made of facts."""

import csv
from pathlib import Path
from typing import NamedTuple

from modelmap.progress import duration
from modelmap.quoting import plain

MOST = 10  # lines of a list; a page tells all
MOST_OF_LINE = 300  # characters
MOST_OF_LOG = 4  # lines
TAIL = 16_384  # bytes of a log in which its end is looked for
NO_SCORES = "not applicable"  # a status: nobody asked for any


class Failed(NamedTuple):
    """A job that failed: what it is, its log, and the lines that this ends with."""

    what: str
    log: str
    said: list


class Run(NamedTuple):
    """What there is to tell of a run that has ended.

    outcome : "Done", "Failed" or "Stopped"
    made : list of str, what was made and how much of it
    failed : list of Failed
    n_not_done : int, other jobs that were to run and did not, or not to their end
    status : list of dict, the rows of results/status.tsv; none where it was not made
    files : list of str, to open, the first one first
    """

    outcome: str
    seconds: float
    made: list
    failed: list
    n_not_done: int
    status: list
    files: list


def summary(run):
    """Tell of a run that has ended."""
    when = "in" if run.outcome == "Done" else "after"
    told = f"{run.outcome} {when} {duration(run.seconds)}"
    lines = ["", ": ".join([told, *filter(None, [", ".join(run.made)])]) + "."]
    left = []
    if run.failed:
        left = [counted(len(run.failed), "job") + " failed"]
    if run.n_not_done:
        what = ("other was", "others were") if run.failed else ("job was", "jobs were")
        left.append(counted(run.n_not_done, *what) + " not done")
    if left:
        what_to_do = "mend this, and run again" if run.failed else "run again"
        lines.append(f"{', '.join(left)}. What is finished is kept: {what_to_do}.")
    for job in run.failed[:MOST]:
        lines += [f"  {job.what}: {job.log}", *(f"    {said}" for said in job.said)]
    lines += _more(run.failed)
    return "\n".join([*lines, *result(run.status, run.files), ""])


def result(status, files):
    """Tell what there is, whoever made it: lines; see Run."""
    asked = [row for row in status if row["status"] != NO_SCORES]
    lines = []
    if asked:
        lines.append(f"Models that count: {_by_dataset(asked)}")
    bad = {}
    for row in asked:
        if row["status"] != "ok":
            why = row["model"], row["status"], row["reason"]
            bad.setdefault(why, []).append(row["dataset"])
    if bad:
        lines.append("Models left out, and why (all in results/status.html):")
    for (model, status, reason), datasets in list(bad.items())[:MOST]:
        told = f"{model} on {', '.join(datasets)}: {status}: {reason}"
        lines.append(f"  {plain(told, MOST_OF_LINE)}")
    lines += _more(bad)
    if files:
        lines += ["Open", *(f"  {file}" for file in files[:MOST]), *_more(files)]
    return lines


def read_status(path):
    """The rows of a table of status; none where there is none."""
    try:
        with open(path, newline="", encoding="utf-8") as lines:
            return list(csv.DictReader(lines, delimiter="\t"))
    except FileNotFoundError:
        return []


def end_of(log):
    """The lines that a failed job's log ends with: its error, where it tells one in words."""
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ["(it has no log)"]
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.startswith("Error: ")]
    told = lines[errors[-1] :] if errors else lines[-1:] or ["(its log is empty)"]
    left_out = ["…"] if len(told) > MOST_OF_LOG else []
    return [*(plain(line, MOST_OF_LINE) for line in told[:MOST_OF_LOG]), *left_out]


def counted(number, one, many=None):
    """So many of something."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _by_dataset(rows):
    """So many of so many, dataset by dataset."""
    counts = {}
    for row in rows:
        ok, of = counts.get(row["dataset"], (0, 0))
        counts[row["dataset"]] = ok + (row["status"] == "ok"), of + 1
    told = [f"{ok:,} of {of:,} on {dataset}" for dataset, (ok, of) in counts.items()]
    return ", ".join(told) + "."


def _more(things):
    """The line that says how many of a list are left out."""
    return [f"  … and {len(things) - MOST:,} more"] if len(things) > MOST else []
