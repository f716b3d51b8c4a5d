"""What a job that loads a model asks a cluster for: memory of the host, and minutes.

Estimates, which nobody has measured on a GPU; generous, for a job that asks for too little is
killed, and one that asks for too much only waits longer. Times `attempt`, so that a job that was
killed for it asks for more.
"""

import math

DEFAULT_GB = 16.0  # of weights, where nothing tells: eight billion parameters
DEFAULT_PAIRS = 10_000  # where nothing tells how many samples there are

BASE_MB, WORKER_MB = 4000, 600  # Python, torch and CUDA; a process that prepares batches
LOADED_MB = {"gpu": 1500, "cpu": 3000}  # of a GB of weights, which are float32 on a CPU
SAMPLES = 4  # times the file of samples: its images are read whole
BASE_MINUTES, LOADING = 20, 0.2  # imports and the gate; minutes per GB of weights
PAIR_SECONDS = {"gpu": 0.01, "cpu": 1.0}  # per GB of weights


def weights_gb(n_bytes, params_b):
    """GB (1e9 bytes) of a model's weights.

    Parameters
    ----------
    n_bytes : of its files; None where they are not known yet
    params_b : billions of parameters, two bytes each; None where the sheet does not tell
    """
    if n_bytes is not None:
        return n_bytes / 1e9
    return DEFAULT_GB if params_b is None else 2 * params_b


def memory_mb(*, weights, samples_mb, threads, device, attempt):
    """MB of the host that a job takes which loads `weights` GB.

    Parameters
    ----------
    weights : see `weights_gb`
    samples_mb : of the file of samples
    threads : of the job: all but one prepare batches
    device : "gpu" or "cpu"
    attempt : 1, 2, …
    """
    fixed = BASE_MB + WORKER_MB * (threads - 1) + SAMPLES * samples_mb
    return attempt * math.ceil(fixed + LOADED_MB[device] * weights)


def minutes(*, weights, n_pairs, device, attempt):
    """Minutes that it takes to load `weights` GB and to score `n_pairs` pairs; see `memory_mb`."""
    scoring = PAIR_SECONDS[device] * weights * n_pairs / 60
    return attempt * math.ceil(BASE_MINUTES + LOADING * weights + scoring)
