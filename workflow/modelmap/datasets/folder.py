"""Source `folder`: images in a folder, and a metadata.jsonl that says what each shows.

One JSON object a line: `file_name`, `text` or `texts`, and, where wanted, `prompt` and `stratum`.
"""

import json
from itertools import count
from pathlib import Path

from modelmap.datasets import images
from modelmap.datasets.entries import Entry, rows
from modelmap.datasets.files import open_file
from modelmap.datasets.problems import Problems

KEYS = ("file_name", "text", "texts", "prompt", "stratum")
MOST_BYTES = 2**24  # of a line, which has to fit the memory


class Source:
    """The lines of a folder's metadata.jsonl.

    Raises
    ------
    InvalidDataset
        If there is none that can be used.
    """

    facts = {}

    def __init__(self, block):
        self.folder, self.n_targets = Path(block["path"]), block["targets_per_image"]
        self.file = self.folder / "metadata.jsonl"
        self.problems = Problems(self.file)
        self.entries = {}  # file_name -> (line, what it says)
        self.n = 0
        for number, line in _lines(self.file, self.problems):
            if line.strip():
                self.n += 1
                self._add(line, number)
        if not self.entries and not self.problems:
            self.problems.add(None, "holds no line; expected one JSON object per image")
        if not self.entries:
            self.problems.raise_any()

    def __len__(self):
        return self.n

    def _add(self, line, number):
        entry = _parsed(line, number, self.problems)
        if entry is None:
            return
        name = entry["file_name"]
        if name in self.entries:
            self.problems.add(number, f"{name} stands already in line {self.entries[name][0]}")
        self.entries.setdefault(name, (number, entry))

    def rows(self, picks):
        """The rows (columns of tables.SAMPLES) of the texts `picks`: line -> numbers of texts.

        Raises
        ------
        InvalidDataset
            All that is wrong with their images and texts, and with any line.
        """
        found = []
        for i, (name, (number, said)) in enumerate(self.entries.items()):
            if i not in picks:
                continue
            texts = said["texts"] if "texts" in said else [said["text"]]
            about = said.get("prompt"), said.get("stratum"), name
            try:
                entry = Entry(name, number, texts, images.read(self.folder, name), *about)
            except images.BadImage as error:
                self.problems.add(number, f"{name}: {error}")
                continue
            found += rows(entry, picks[i], n_targets=self.n_targets, problems=self.problems)
        self.problems.raise_any()
        return found


def _lines(file, problems):
    """Yield (number, line), up to one that is too long to be read."""
    try:
        with open_file(file) as content:
            for number in count(1):  # U+2028 and the like stand in texts: bytes end at \n alone
                line = content.readline(MOST_BYTES + 1)
                if len(line) > MOST_BYTES:
                    problems.add(
                        number, f"is longer than {MOST_BYTES:,} bytes; nothing is read of it"
                    )
                if not line or len(line) > MOST_BYTES:
                    return
                codec = "utf-8-sig" if number == 1 else "utf-8"
                yield number, line.removesuffix(b"\n").decode(codec)
    except (OSError, UnicodeDecodeError) as error:
        problems.add(None, f"cannot be read ({error})")


def _parsed(line, number, problems):
    """What a line says, or None and its problems."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        problems.add(number, f"is not JSON ({error.msg} at column {error.colno})")
        return None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or too deep
        problems.add(number, f"is no JSON that can be read ({error})")
        return None
    if not isinstance(entry, dict):
        problems.add(number, "is no JSON object")
        return None
    before = len(problems)
    for key in entry.keys() - set(KEYS):
        problems.add(number, f"unknown key {key!r} (known: {', '.join(KEYS)})")
    if not isinstance(entry.get("file_name"), str) or not entry["file_name"]:
        problems.add(number, "file_name is missing or no text")
    if ("text" in entry) == ("texts" in entry):
        problems.add(number, "expected either text or texts")
    for key in ("prompt", "stratum"):
        if entry.get(key) is not None and not isinstance(entry[key], str):
            problems.add(number, f"{key} is no text: {entry[key]!r}")
    return entry if len(problems) == before else None
