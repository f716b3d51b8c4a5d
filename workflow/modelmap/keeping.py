"""Finished scores, kept for a job that is to make them anew: they may be what it would make.

Snakemake deletes a job's output before the job runs, also where it is whole: a controller was
killed before it had noted the job's end, or a copy has other time stamps. A second name of the
file, {shard}.whole, outlives that, until `gather` has read the scores.
"""

import errno
import os
import shutil
from pathlib import Path

from modelmap import tables

NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)  # of a file system


def second_name(scores):
    """The name under which a file of scores is kept."""
    return Path(scores).with_suffix(".whole")


def put_aside(scores):
    """Keep a file of scores, as old as it is: while it stands it is as outdated as it was."""
    link(scores, second_name(scores))


def forget(scores):
    """Keep a file of scores no longer; it itself, if it is there, stays."""
    second_name(scores).unlink(missing_ok=True)


def take_back(scores, asked):
    """Whether what was kept answers what is asked; it then stands in its place, as made now.

    Parameters
    ----------
    asked : what its provenance must say was asked, see scoring.plan.asked
    """
    kept = second_name(scores)
    if not tables.is_made_by(kept, tables.SCORES, {"asked": asked, "status": "ok"}):
        return False
    try:
        tables.read(kept, tables.SCORES)
    except tables.Broken:
        return False
    link(kept, scores)
    Path(scores).touch()
    return True


def link(source, path):
    """Let `path`, whatever was there, be the file `source` too."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        shutil.copy2(source, temporary)
    temporary.replace(path)
    temporary.unlink(missing_ok=True)  # it stays where `path` was that file already
