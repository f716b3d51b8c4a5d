"""A disk of its own that is soon full, or can only be read."""

import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def mounted(folder, *options):
    """Mount a tmpfs, or what options say, on a folder; skip the test where that is not allowed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here (root may): {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def small_disk(folder, size):
    """A disk of so many bytes."""
    return mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")


def grow(folder, size):
    """Make room on a small disk."""
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
