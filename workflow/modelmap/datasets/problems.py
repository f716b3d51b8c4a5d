"""All that is wrong with a dataset, told at once."""

SHOWN = 50


class InvalidDataset(ValueError):
    """What is wrong, a line each, with file and line."""


class Problems:
    """Collects what is wrong in one file."""

    def __init__(self, file):
        self.file = file
        self.found = []

    def __len__(self):
        return len(self.found)

    def add(self, line, what):
        """Note a problem of a line (counted from 1), or of the whole file if `line` is None."""
        place = self.file if line is None else f"{self.file} line {line}"
        self.found.append(f"{place}: {what}")

    def raise_any(self):
        """Raise InvalidDataset if there is any problem."""
        if not self.found:
            return
        lines = self.found[:SHOWN]
        if more := len(self.found) - len(lines):
            lines.append(f"… and {more} more")
        raise InvalidDataset(f"{len(self.found)} problem(s):\n" + "\n".join(lines))
