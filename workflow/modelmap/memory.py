"""Lack of the host's memory: no fault of a model or a sample, whatever raises it.

torch and others say it in errors of many kinds; a job that meets one is to fail, and to be run
again, rather than to find a model broken. (Of a GPU, torch.OutOfMemoryError says it.)
"""

import errno

# of torch's allocator, of C++, of what maps files (Rust, the kernel), of a thread that cannot start
SAID = ("can't allocate memory", "cannot allocate memory", "bad_alloc", "can't start new thread")


def expect_enough(error):
    """Raise MemoryError if `error` says that the host has no more memory."""
    lacks = isinstance(error, MemoryError)
    lacks |= isinstance(error, OSError) and error.errno == errno.ENOMEM
    # (Not of any kind: a checkpoint, or a text, may hold these words, and an error quote it.)
    if isinstance(error, RuntimeError | ImportError):
        lacks |= any(words in str(error).lower() for words in SAID)
    if lacks:
        raise MemoryError(str(error)) from error
