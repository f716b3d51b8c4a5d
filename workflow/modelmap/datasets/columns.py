"""What the columns of a table mean: its rows as entries, and those as rows of samples.

Shared by the sources `parquet` and `hub`. The block of the dataset names the columns:

    image           the image's bytes, or {"bytes": …} as Hugging Face stores it; none: text alone
    target          a text, or a list of texts of which the first `targets_per_image` are used
    options         in its place: columns of one option each, or one column with a list of them;
                    those that are EMPTY are none
    answer          which option is right: its column, its number (from 0, empty ones counted), or
                    its text
    prompt_column   what is asked; of several columns, one line each that is not EMPTY
    stratum, id     kind and name of the row
"""

from modelmap.datasets.entries import Entry, rows
from modelmap.datasets.problems import InvalidDataset, Problems

EMPTY = (None, "", "nan")  # as tables hold an option that a question lacks


def named(block):
    """The columns that a dataset's block names: key -> list of columns."""
    keys = ("image", "target", "options", "answer", "prompt_column", "stratum", "id")
    if block["options"] is not None:
        keys = tuple(key for key in keys if key != "target")
    values = {key: block[key] for key in keys if block[key] is not None}
    return {key: [v] if isinstance(v, str) else v for key, v in values.items()}


def wanted(block):
    """The columns that a block names, each once."""
    return sorted({column for columns in named(block).values() for column in columns})


def expect(block, there, where):
    """Raise InvalidDataset if a column that the block names is not `there`."""
    for key, columns in named(block).items():
        for column in columns:
            if column not in there:
                raise InvalidDataset(
                    f"{where}: no column {column!r} ({key}); its columns: {', '.join(there)}"
                )


def take(block, table, picks, where):
    """The rows of samples of `picks`: number of a row -> numbers of its texts.

    Parameters
    ----------
    table : iterable of (number, dict of columns), ascending; it is left behind the last pick
    where : what a message calls the table

    Raises
    ------
    InvalidDataset
        All that is wrong with the picked rows, or that the table ends before the last.
    """
    problems, found, names = Problems(where, "row"), [], {}
    left = set(picks)
    for number, record in table:
        if number not in left:
            continue
        left.remove(number)
        entry = _entry(block, number, record, problems)
        if entry is not None and names.setdefault(entry.name, number) != number:
            first = names[entry.name]
            problems.add(number, f"{block['id']} {entry.name!r} stands already in row {first}")
        elif entry is not None:
            limits = {"n_targets": block["targets_per_image"], "max_bytes": block["max_bytes"]}
            numbers = picks[number]
            if block["answer_only"]:
                numbers = [entry.correct]
            found += rows(entry, numbers, **limits, problems=problems)
        if not left:
            break
    if left:
        n = len(picks) - len(left)
        problems.add(None, f"ends before row {min(left)}: only {n} of {len(picks)} rows are there")
    problems.raise_any()
    return found


def _entry(block, number, record, problems):
    """A record as an Entry, or None and its problems."""
    before = len(problems)
    image = None
    if block["image"] is not None:
        image = _image(record.get(block["image"]), block["image"], number, problems)
    texts, correct = record.get(block["target"]), None
    if block["options"] is not None:
        texts, correct = _options(block, record, number, problems)
    prompt = _prompt(block, record, number, problems)
    name = number if block["id"] is None else record.get(block["id"])
    if name is None:
        problems.add(number, f"column {block['id']!r} (id) holds nothing, expected a name")
    if len(problems) > before:
        return None
    stratum = record.get(block["stratum"])
    return Entry(
        str(name),
        number,
        [texts] if isinstance(texts, str) else texts,
        image,
        prompt,
        None if stratum is None else str(stratum),
        correct=correct,
    )


def _image(value, column, number, problems):
    """The bytes of an image as a table holds it, or None and a problem."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    what = "nothing" if value is None else f"a {type(value).__name__}"
    if isinstance(value, str):
        what = f"the text {value[:60]!r}"
    found = f"column {column!r} (image) holds {what}, expected the bytes of an image file"
    if isinstance(value, str):
        found += "; links are not followed: download the images and use the source folder"
    problems.add(number, found)
    return None


def _prompt(block, record, number, problems):
    """What a row asks, None where it has no prompt of its own."""
    columns = named(block).get("prompt_column", [])
    asked = [record.get(column) for column in columns]
    if len(asked) > 1:
        asked = [text for text in asked if text not in EMPTY]  # such as a hint that is not given
    if wrong := [text for text in asked if text is not None and not isinstance(text, str)]:
        problems.add(number, f"expected text to ask, found {wrong[0]!r}")
        return None
    return "\n".join(asked) if asked and asked != [None] else None


def _options(block, record, number, problems):
    """The options of a question and the number of the right one, or a problem."""
    columns, answer = block["options"], record.get(block["answer"])
    labels = [] if isinstance(columns, str) else columns
    texts = [record.get(column) for column in labels] if labels else record.get(columns)
    if not isinstance(texts, list):
        problems.add(number, f"column {columns!r} holds {texts!r}, expected a list of options")
        return None, None
    there = [i for i, text in enumerate(texts) if text not in EMPTY]
    numbers = range(len(texts))
    for among in (numbers, labels, texts, list(map(str, numbers))):
        if answer in among and (i := among.index(answer)) in there:
            return [texts[i] for i in there], there.index(i)
    shown = [(labels or texts)[i] for i in there]
    problems.add(number, f"the answer {answer!r} is none of the options {shown}")
    return None, None
