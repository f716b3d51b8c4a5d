"""An entry of a source: an image (or none) and the texts that go with it, as rows of samples."""

import hashlib
from dataclasses import dataclass

from modelmap.datasets import images


@dataclass(frozen=True)
class Entry:
    """What a source holds in one place.

    name : unique in the source
    place : number of the line or row that it stands in
    texts : its targets; of a question, its options
    group : entries that share an image or a prompt share a group; None: found from these
    correct : which of the texts answers the prompt; None where they are no options
    """

    name: str
    place: int
    texts: object
    image: bytes | None = None
    prompt: str | None = None
    stratum: str | None = None
    group: str | None = None
    correct: int | None = None


def rows(entry, numbers, *, n_targets, max_bytes=None, problems):
    """The rows of an entry (columns of tables.SAMPLES), or none and a problem.

    Parameters
    ----------
    numbers : which of its texts are samples, counted from 0; None: all, as options
    n_targets : int, how many texts it must have at least
    max_bytes : int, texts are cut to so many bytes of UTF-8; None: not cut
    """
    before = len(problems)
    numbers = range(len(entry.texts)) if numbers is None else numbers
    texts = _texts(entry, numbers, n_targets, max_bytes, problems)
    size = _size(entry, problems)
    if len(problems) > before:
        return []
    alone = n_targets == 1 and entry.correct is None
    return [
        {
            "sample_id": entry.name if alone else f"{entry.name}#{i + 1}",
            "group": entry.group or _group(entry),
            "image": entry.image,
            "width": size and size[0],
            "height": size and size[1],
            "prompt": entry.prompt,
            "target": text,
            "stratum": entry.stratum,
        }
        | ({} if entry.correct is None else {"correct": i == entry.correct})
        for i, text in zip(numbers, texts, strict=True)
    ]


def cut(text, max_bytes):
    """A text's first `max_bytes` bytes in UTF-8, no character cut in two."""
    if max_bytes is None or len(text.encode()) <= max_bytes:
        return text
    return text.encode()[:max_bytes].decode(errors="ignore")


def _texts(entry, numbers, n_targets, max_bytes, problems):
    """The texts at `numbers`, cut; behind an image without blanks around them."""
    texts = entry.texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        problems.add(entry.place, f"expected text, found {texts!r}")
    elif len(texts) < n_targets:
        problems.add(entry.place, f"has {len(texts)} of targets_per_image: {n_targets} texts")
    elif half := _half_character((entry.name, entry.prompt, entry.stratum, *texts)):
        problems.add(entry.place, f"holds half a character, {half}: a text that was cut inside one")
    else:
        bare = [texts[i] if entry.image is None else texts[i].strip() for i in numbers]
        found = [cut(text, max_bytes) for text in bare]
        if all(text.strip() for text in found):
            return found
        problems.add(entry.place, f"the text of {entry.name} is empty")
    return []


def _half_character(texts):
    try:
        "".join(filter(None, texts)).encode()
    except UnicodeEncodeError as error:
        return ascii(error.object[error.start]).strip("'")
    return None


def _size(entry, problems):
    if entry.image is None:
        return None
    try:
        return images.decode(entry.image).size
    except images.BadImage as error:
        problems.add(entry.place, f"{entry.name}: {error}")
        return None


def _group(entry):
    """Entries with the same image are one group; without one, those with the same prompt."""
    shared = entry.image if entry.image is not None else (entry.prompt or "").encode()
    return hashlib.sha256(shared).hexdigest()[:16] if shared else entry.name
