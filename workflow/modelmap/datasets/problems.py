"""All that is wrong with a dataset, told at once."""

from modelmap.quoting import plain

SHOWN = 50


class InvalidDataset(ValueError):
    """What is wrong, a line each, with its place."""

    def __init__(self, text):
        super().__init__("\n".join(plain(line) for line in text.split("\n")))


class Problems:
    """Collects what is wrong in one file, or in one table of a hub.

    `unit` is what its places are counted in: line or row.
    """

    def __init__(self, file, unit="line"):
        self.file = file
        self.unit = unit
        self.found = []

    def __len__(self):
        return len(self.found)

    def add(self, place, what):
        """Note a problem at a place (a number of lines or rows), or of the whole file if None."""
        where = self.file if place is None else f"{self.file} {self.unit} {place}"
        self.found.append((place, plain(f"{where}: {what}")))

    def raise_any(self):
        """Raise InvalidDataset if there is any problem; they are told by place."""
        if not self.found:
            return
        self.found.sort(key=lambda problem: (problem[0] is not None, problem[0]))
        lines = [text for _, text in self.found[:SHOWN]]
        if more := len(self.found) - len(lines):
            lines.append(f"… and {more} more")
        raise InvalidDataset(f"{len(self.found)} problem(s):\n" + "\n".join(lines))
