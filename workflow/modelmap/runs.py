"""Who is at work in a folder: told by locks that end with the process that holds them.

Snakemake's own locks are files, and stay where a run was killed. Here every controller shares a
lock of the kernel's for as long as it lives: whoever gets it alone knows that files left behind are
nobody's. Every job holds one of its own: one that outlived its controller is waited for.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
AT_WORK = (
    "Snakemake runs in this folder already: process {pid} on {host}, since {since}. Where both "
    "would make the same files, this run is refused; wait for that one, or end it."
)
MAY_BE_AT_WORK = (
    "Snakemake ran in this folder as process {pid} on {host}, since {since}, and did not end "
    "by itself. If it does not run there any more: snakemake --unlock."
)
UNRECORDED = (
    "{results} was copied here without Snakemake's records ({folder}/metadata): a change of "
    "settings would go unnoticed. Once, with your other options, snakemake --touch --forceall "
    "notes its files as made with the present settings, which of scores are checked."
)
WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of a file system


class NotWritable(ValueError):
    """A folder that results should go to and cannot."""


def enter(folder):
    """Note that this process runs Snakemake; remove the locks of runs that were killed.

    Locks are left alone while another controller lives, and where another machine's may: not
    every shared file system tells one machine of another's locks. The kernel's lock ends with
    this process.

    Parameters
    ----------
    folder : Snakemake's own, `.snakemake`

    Returns
    -------
    list of str, what to tell of controllers that are, or may be, at work here
    """
    locks, notes = Path(folder, "locks"), Path(folder, "controllers")
    notes.parent.mkdir(exist_ok=True)
    file = _open(notes, os.O_APPEND)
    alone = _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    others = [other for other in _read(notes) if _may_live(other)]
    if alone:
        others = [other for other in others if not _is_here(other)]
    if alone and not (others and any(locks.glob("*"))):
        shutil.rmtree(locks, ignore_errors=True)
        os.ftruncate(file, 0)
        others = []
    if alone is not None:
        _lock(file, fcntl.LOCK_SH)
    os.write(file, json.dumps(_myself()).encode() + b"\n")
    told = MAY_BE_AT_WORK if alone else AT_WORK
    return [told.format(**other) for other in others]


def unrecorded(folder, results):
    """What to tell where there are results and none of Snakemake's records, as list of str."""
    records = any(Path(folder, "metadata").glob("*")) or Path(folder, "metadata.db").exists()
    if records or not Path(results, "scores").exists():
        return []
    return [UNRECORDED.format(folder=folder, results=results)]


def expect_writable(files):
    """Raise NotWritable if the folders of some of `files` cannot be written to, or made."""
    for folder in {Path(file).parent for file in files}:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(there, os.W_OK):
            raise NotWritable(
                f"{there.absolute()} cannot be written to, and files are to be made there: make "
                "it writable, or run Snakemake in another folder; results appear where it runs"
            )


def wait_for_twin(log):
    """Wait until no other process does the job that has this log; be then the one that does.

    The lock is held until this process ends. (Snakemake deletes a job's log before it runs, so
    the lock is on a file of its own.)
    """
    jobs = Path(".snakemake/jobs")
    jobs.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(log.encode()).hexdigest()  # of any length of path
    file = _open(jobs / name)
    if _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB) is False:
        print(f"another process still does this job: waiting for it ({log})", file=sys.stderr)
        _lock(file, fcntl.LOCK_EX)


def _open(path, how=0):
    """Open a file to lock it, which others of the group may lock too, as Snakemake's records."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | how, 0o666)
    with contextlib.suppress(PermissionError):  # somebody else's: it is so already
        os.fchmod(file, 0o664)
    return file


def _lock(file, how):
    """Whether the lock is had; None where the file system has none."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            return None
        raise
    return True


def _read(notes):
    """What controllers noted of themselves; a disk that was full leaves half a line."""
    for line in notes.read_text().splitlines():
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def _myself():
    boot = BOOT.read_text().strip() if BOOT.exists() else None
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"pid": os.getpid(), "host": socket.gethostname(), "boot": boot, "since": since}


def _is_here(other):
    """Whether a controller runs, or ran, on this machine: in a container its name is another."""
    me = _myself()
    return other["host"] == me["host"] or other["boot"] == me["boot"] is not None


def _may_live(other):
    """False of a controller that is known to be gone."""
    me = _myself()
    if other["host"] != me["host"]:
        return True
    try:
        os.kill(other["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return other["boot"] == me["boot"]
