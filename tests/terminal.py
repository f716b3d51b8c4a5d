"""A terminal in tests: run Snakemake on one, and read what a person would see there."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

COLUMNS = 100


@contextlib.contextmanager
def terminal():
    """(its end for a program, its end for the person): file descriptors; COLUMNS wide."""
    person, program = pty.openpty()
    fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    try:
        yield program, person
    finally:
        os.close(person)


def read_all(person):
    """What was written to a terminal, until nobody has it open any more."""
    content = b""
    with contextlib.suppress(OSError):  # Linux says so of the end
        while more := os.read(person, 65536):
            content += more
    return content.decode()


def run_on_terminal(folder, *arguments):
    """Run Snakemake in `folder`, which must succeed; return what its terminal was sent."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)]
    with terminal() as (program, person):
        environment = os.environ | {"TERM": "xterm"}
        process = subprocess.Popen(
            command, cwd=folder, stdout=program, stderr=program, env=environment
        )
        os.close(program)
        sent = read_all(person)
    assert process.wait() == 0, sent
    return sent


def seen(sent):
    """The lines that stand on a terminal at last: it knows \\r, \\n and "erase to the end"."""
    lines, column = [""], 0
    for part in sent.replace("\x1b[K", "\0"):
        if part == "\r":
            column = 0
        elif part == "\n":
            lines.append("")
        elif part == "\0":
            lines[-1] = lines[-1][:column]
        else:
            lines[-1] = lines[-1][:column].ljust(column) + part + lines[-1][column + 1 :]
            column += 1
    return lines
