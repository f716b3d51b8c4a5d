"""Source `folder`: images in a folder, and a metadata.jsonl that says what each shows.

One JSON object a line: `file_name`, `text` or `texts`, and, where wanted, `prompt` and `stratum`.
"""

import json
from pathlib import Path

from modelmap.datasets import images
from modelmap.datasets.problems import Problems

KEYS = ("file_name", "text", "texts", "prompt", "stratum")


def read(path, *, targets_per_image, seed):
    """Read every image of the folder with its first `targets_per_image` texts.

    `seed` is not used: nothing is drawn here.

    Raises
    ------
    InvalidDataset
        All that is wrong, each with the line it stands in.
    """
    file = Path(path) / "metadata.jsonl"
    problems = Problems(file)
    rows, seen = [], {}
    for number, line in enumerate(_lines(file, problems), 1):
        if line.strip():
            rows += _row(line, number, Path(path), targets_per_image, seen, problems)
    if not seen and not problems:
        problems.add(None, "holds no line; expected one JSON object per image")
    problems.raise_any()
    return rows


def _lines(file, problems):
    try:
        return file.read_text("utf-8-sig").split("\n")  # U+2028 and the like stand in texts
    except (OSError, UnicodeDecodeError) as error:
        problems.add(None, f"cannot be read ({error})")
        return []


def _row(line, number, folder, n_targets, seen, problems):
    """The samples of one line, or none and a problem."""
    try:
        entry = json.loads(line)
        json.dumps(entry, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        problems.add(number, f"is not JSON ({error.msg} at column {error.colno})")
        return []
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start]).strip("'")
        problems.add(number, f"holds half a character, {half}: a text that was cut inside one")
        return []
    if not _well_formed(entry, number, problems):
        return []
    name = entry["file_name"]
    if name in seen:
        problems.add(number, f"{name} stands already in line {seen[name]}")
        return []
    seen[name] = number
    texts = _texts(entry, number, n_targets, problems)
    image = _image(folder, name, number, problems)
    if texts is None or image is None:
        return []
    content, (width, height) = image
    return [
        {
            "sample_id": name if n_targets == 1 else f"{name}#{i}",
            "group": name,
            "image": content,
            "width": width,
            "height": height,
            "prompt": entry.get("prompt"),
            "target": text,
            "stratum": entry.get("stratum"),
        }
        for i, text in enumerate(texts, 1)
    ]


def _well_formed(entry, number, problems):
    if not isinstance(entry, dict):
        problems.add(number, "is no JSON object")
        return False
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
    return len(problems) == before


def _texts(entry, number, n_targets, problems):
    texts = entry["texts"] if "texts" in entry else [entry["text"]]
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
        problems.add(number, f"expected text, found {texts!r}")
    elif len(texts) < n_targets:
        problems.add(number, f"has {len(texts)} of targets_per_image: {n_targets} texts")
    elif not all(t.strip() for t in texts[:n_targets]):
        problems.add(number, f"the text of {entry['file_name']} is empty")
    else:
        return [t.strip() for t in texts[:n_targets]]
    return None


def _image(folder, name, number, problems):
    """(bytes, (width, height)) of an image of the folder, or None and a problem."""
    file = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        problems.add(number, f"{name} lies outside the folder")
        return None
    try:
        content = file.read_bytes()
        return content, images.decode(content).size
    except FileNotFoundError:
        problems.add(number, f"{name} does not exist")
    except OSError as error:
        problems.add(number, f"{name} cannot be read ({error.strerror})")
    except images.BadImage as error:
        problems.add(number, f"{name}: {error}")
    return None
