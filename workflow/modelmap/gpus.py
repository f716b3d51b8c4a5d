"""Which GPUs of this machine a job computes on.

Snakemake counts GPUs, and says to no job which are its own; a cluster's scheduler does. So every
job on a workstation holds a lock on each GPU that it takes, until it and its workers end: the
kernel releases the locks of what is killed. Other Snakemakes of the user hold the same locks.
"""

import fcntl
import os
import stat
import time
from pathlib import Path

DEVICES = Path("/dev")
# of this user and, in what a scheduler has given, of this allocation, whose GPUs may have numbers
# of their own
OF = [str(os.getuid()), *filter(None, [os.environ.get("SLURM_JOB_ID")])]
LOCKS = Path("/tmp/modelmap-gpus-" + "-".join(OF))
VISIBLE = "CUDA_VISIBLE_DEVICES"
ADVICE = f"remove it, or give each run GPUs of its own by {VISIBLE}"
ASK_EVERY = 1  # seconds
held = []  # file descriptors; closed when the process ends, which releases the locks


class NoLocks(RuntimeError):
    """The folder of the locks cannot be used."""


def visible():
    """Return the GPUs that this process may use, by the names CUDA_VISIBLE_DEVICES has for them."""
    if VISIBLE not in os.environ:
        n = len(list(DEVICES.glob("nvidia[0-9]*")))
        return [str(i) for i in range(n)]
    names = [name.strip() for name in os.environ[VISIBLE].split(",")]
    end = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))  # as CUDA
    return names[:end]


def hold(n, *, jobs_per_gpu=1):
    """Take `n` GPUs for this process, and let it see no others; wait until so many are free.

    Where CUDA_VISIBLE_DEVICES names no more than `n`, somebody has given these to this job: nothing
    is locked then. Of fewer than `n` GPUs all are taken, and of none, none.

    Parameters
    ----------
    n : int
    jobs_per_gpu : int, how many jobs may hold one GPU at a time

    Returns
    -------
    list of str : the GPUs, as CUDA_VISIBLE_DEVICES now names them

    Raises
    ------
    NoLocks
    """
    devices = visible()
    if not devices or not n or (VISIBLE in os.environ and len(devices) <= n):
        return devices
    _make_folder()
    n, told = min(n, len(devices)), False
    while not (locks := _lock(devices, n, jobs_per_gpu)):
        if not told:
            owners = ", ".join(sorted({_owner(file) for file in LOCKS.glob("*.lock")}))
            about = f"waiting for {n} of GPUs {', '.join(devices)}, held by processes {owners}"
            print(about, flush=True)
            told = True
        time.sleep(ASK_EVERY)
    held.extend(locks.values())
    os.environ[VISIBLE] = ",".join(locks)
    print(f"holding GPU {os.environ[VISIBLE]} of {', '.join(devices)}", flush=True)
    return list(locks)


def _make_folder():
    """Make the folder of the locks; NoLocks if it is not, or not alone, this user's."""
    try:
        LOCKS.mkdir(mode=0o700, exist_ok=True)
        found = LOCKS.lstat()
    except OSError as error:
        raise NoLocks(f"no locks on GPUs: {LOCKS}: {error.strerror}; {ADVICE}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise NoLocks(f"no locks on GPUs: {LOCKS} is somebody else's; {ADVICE}")


def _lock(devices, n, jobs_per_gpu):
    """Lock `n` of the devices: device -> file descriptor; none of them if so many are not free."""
    locks = {}
    for place in range(jobs_per_gpu):  # a GPU that nobody has comes first
        for device in devices:
            if len(locks) < n and device not in locks:
                file = LOCKS / f"{device.replace('/', '-')}.{place}.lock"
                descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(descriptor)
                    continue
                os.ftruncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
                locks[device] = descriptor
    if len(locks) == n:
        return locks
    for descriptor in locks.values():
        os.close(descriptor)
    return {}


def _owner(file):
    return file.read_text() or "?"
