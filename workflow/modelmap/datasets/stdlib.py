"""Source `stdlib`: texts that every Python installation carries, English and code.

English is what `help()` knows of Python's topics, code the modules of the standard library. A
document is cut at ends of lines into chunks of 256 to 1,024 bytes. One document in
HELD_OUT_SHARE is never trained on by the zoo's language models: only these are scored, as much
code as English, and of them no chunk that repeats a line of another document (topics do).
"""

import random
import sys
import sysconfig
from functools import cache
from pathlib import Path
from platform import python_version
from pydoc_data import topics
from zlib import crc32

from modelmap.datasets.entries import Entry, rows
from modelmap.datasets.problems import Problems

KINDS = ("English", "code")
MIN_BYTES, MAX_BYTES = 256, 1024
HELD_OUT_SHARE = 4
PASSAGE = 40  # characters of a line that is nobody's habit
MAX_DOCUMENT = 40_000  # characters: no single document makes up a kind


class Source:
    """The chunks of the held-out documents, by kind and name, that nothing trained on repeats."""

    def __init__(self, block):
        self.n_targets = block["targets_per_image"]
        self.facts = {"python": python_version()}
        seen = {p for kind in KINDS for c in _chunks_of(kind, held_out=False) for p in _passages(c)}
        found = {
            kind: [c for c in _chunks_of(kind, held_out=True) if seen.isdisjoint(_passages(c))]
            for kind in KINDS
        }
        n = min(map(len, found.values()))
        self.chunks = []
        for kind, chunks in found.items():
            drawn = random.Random(block["seed"]).sample(range(len(chunks)), n)
            self.chunks += [(kind, *chunks[i]) for i in sorted(drawn)]

    def __len__(self):
        return len(self.chunks)

    def rows(self, picks):
        """The rows (columns of tables.SAMPLES) of `picks`; chunks of a document are a group."""
        problems, found = Problems("stdlib", "chunk"), []
        for i in sorted(picks):
            kind, document, start, text = self.chunks[i]
            name = f"{document}@{start}"
            entry = Entry(name, i, [text], stratum=kind, group=document)
            found += rows(entry, picks[i], n_targets=self.n_targets, problems=problems)
        problems.raise_any()
        return found


def draw_texts(kind, n, *, seed):
    """Draw `n` chunks to train on, of documents that are never scored."""
    chunks = [text for _, _, text in _chunks_of(kind, held_out=False)]
    return random.Random(crc32(f"{kind} {seed}".encode())).choices(chunks, k=n)


def _passages(chunk):
    """The long lines of a chunk."""
    lines = map(str.strip, chunk[-1].splitlines())
    return {line for line in lines if len(line) >= PASSAGE}


@cache
def _chunks_of(kind, *, held_out):
    """(document, offset in bytes, text) of every chunk of a kind."""
    return [
        (name, start, text)
        for name, document in _documents(kind)
        if (crc32(name.encode()) % HELD_OUT_SHARE == 0) == held_out
        for start, text in cut(document)
    ]


def _documents(kind):
    """(name, text) of every document of a kind, by name."""
    if kind == "English":
        return [(f"help/{name}", text) for name, text in sorted(topics.topics.items())]
    folder = Path(sysconfig.get_path("stdlib"))
    files = [
        file
        for part in ("", "asyncio", "concurrent/futures", "email", "json", "logging")
        for file in (folder / part).glob("*.py")
        if part or file.stem in sys.stdlib_module_names  # others tell of this installation
    ]
    return [
        (file.relative_to(folder).as_posix(), file.read_text("utf-8")) for file in sorted(files)
    ]


def cut(document):
    """Yield (offset in bytes, text) of the chunks of a document.

    A chunk ends where its line does; a line longer than MAX_BYTES is left out, and so is a rest
    shorter than MIN_BYTES.
    """
    start, chunk, size = 0, "", 0
    for line in document[:MAX_DOCUMENT].splitlines(keepends=True):
        n = len(line.encode())
        if size + n > MAX_BYTES:
            if size >= MIN_BYTES:
                yield start, chunk
            start, chunk, size = start + size, "", 0
        if n > MAX_BYTES:
            start += n
        else:
            chunk, size = chunk + line, size + n
    if size >= MIN_BYTES:
        yield start, chunk
