"""Jobs that a Snakemake which was killed left in SLURM's queue."""

import getpass
import subprocess
import time

UNTIL_GONE = 300  # seconds


class NoAnswer(RuntimeError):
    """SLURM does not say which jobs there are."""


class StillThere(RuntimeError):
    """Jobs that were cancelled do not go."""


def queued(folder):
    """Own jobs, waiting or running, that Snakemake submitted from a folder: what each is -> ids.

    What a job is stands in its comment: its rule, and the values of its wildcards.
    """
    command = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i|%Z|%k"]
    try:
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        raise NoAnswer(f"squeue: {said}; run again where and when SLURM answers") from None
    found = {}
    for line in lines.splitlines():
        job, submitted_from, what = line.split("|", maxsplit=2)
        if submitted_from == folder:
            found.setdefault(what, []).append(job)
    return found


def what_is(rule, wildcards):
    """How the comment of a job that Snakemake submits says what it is."""
    values = "_".join(wildcards).replace("/", "_")
    return f"rule_{rule}_wildcards_{values}" if values else f"rule_{rule}"


def cancel_left_behind(folder, about_to_run):
    """Cancel the jobs of a Snakemake that was killed which this one is about to submit anew.

    Else both would run at once, and one that still waits in the queue would begin later, delete the
    finished output, and make it once more. What a score has finished is kept in its parts.

    Parameters
    ----------
    folder : that Snakemake runs in
    about_to_run : what each job is that is to be submitted, see `what_is`

    Returns
    -------
    list of the ids of jobs that were cancelled, and are gone

    Raises
    ------
    NoAnswer, StillThere
    """
    found = queued(folder)
    left = sorted(job for what in set(about_to_run) & found.keys() for job in found[what])
    if left:
        subprocess.run(["scancel", *left], check=False)  # one may have ended meanwhile
    end = time.monotonic() + UNTIL_GONE
    while staying := {job for jobs in queued(folder).values() for job in jobs} & {*left}:
        if time.monotonic() > end:
            raise StillThere(
                f"SLURM still has jobs of an earlier run, cancelled {UNTIL_GONE} seconds ago: "
                f"{', '.join(sorted(staying))}; run again when they are gone (squeue --me)"
            )
        time.sleep(1)
    return left
