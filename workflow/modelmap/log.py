"""Send everything a job prints, native libraries included, to its log file."""

import errno
import os
import sys
import traceback

from modelmap import runs

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_MEMORY = (
    "out of memory: {error}\nWhat is finished is kept. Make memory free, let fewer jobs run at "
    "once (--cores), or lower score.batch_tokens; then run again."
)


def log_to(path):
    """Redirect stdout and stderr of this process to the file `path`, once it is this job's alone.

    (A controller that was killed may have left the same job behind.) An error of one of our own
    classes is a message to the user and is printed without the traceback, which would bury it.
    """
    runs.wait_for_twin(path)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    terminal = os.dup(2)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout.reconfigure(line_buffering=True)  # so that `tail -f` shows lines as they are said
    sys.excepthook = lambda *error: _explain(*error, terminal)


def _explain(kind, error, trace, terminal):
    """Say in the log, or where the disk is full, on the terminal, what went wrong."""
    if kind.__module__.startswith("modelmap"):
        text = f"\nError: {error}"
    else:
        text = "".join(traceback.format_exception(kind, error, trace))
    if issubclass(kind, MemoryError):
        text += "\nError: " + NO_MEMORY.format(error=error)
    if issubclass(kind, OSError) and error.errno in NO_ROOM:
        text += f"\nError: {error}\nWhat is finished is kept. Make room, and run again."
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        os.write(terminal, f"{text}\n".encode())
