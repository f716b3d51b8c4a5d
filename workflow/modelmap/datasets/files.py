"""Files that a dataset consists of, opened so that none of them can keep a job busy for ever."""

import errno
import os
import stat


def open_file(path, *, most=None):
    """Open a file to read its bytes. A link is followed: whoever made the folder has made it.

    Raises
    ------
    OSError
        If it cannot be opened, is a pipe (which nobody may ever write to) or a device (which may
        have no end), or holds more than `most` bytes.
    """
    found = os.stat(path)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))
    if most is not None and found.st_size > most:
        raise OSError(errno.EFBIG, f"{found.st_size:,} bytes, at most {most:,} are read", str(path))
    return open(path, "rb")
