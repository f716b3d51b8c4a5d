"""Send everything a job prints, native libraries included, to its log file."""

import os
import sys
import traceback


def log_to(path):
    """Redirect stdout and stderr of this process to the file `path`.

    An error of one of our own classes is a message to the user and is printed without the
    traceback, which would bury it.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.excepthook = _explain


def _explain(kind, error, trace):
    if kind.__module__.startswith("modelmap"):
        print(f"\nError: {error}", file=sys.stderr)
    else:
        traceback.print_exception(kind, error, trace)
