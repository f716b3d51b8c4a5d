"""What no checkpoint may have done while it is read: unpickling, and any access to a network.

Files of a checkpoint can ask for both in many ways. A config.json names `adapter_model.bin` as its
weights, or lets timm read a `checkpoint_path` or take a network from `hf-hub:…`; an adapter has
pickled weights only; a processor wants an audio tokenizer from another repo; an attention is a
compiled kernel on a hub. Libraries guard some of these, and gain new ones. So what they would all
come to is refused here, whoever asks.
"""

import json
import socket
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from modelmap.models.model import Refused

# Events of Python's audit hooks, and what they mean
REFUSED = {
    "pickle.find_class": "unpickles, which can run any code",
    "socket.getaddrinfo": "looks for a machine on the network",
    "socket.gethostbyname": "looks for a machine on the network",
    "socket.connect": "connects to the network",
}
INDICES = ("model.safetensors.index.json", "adapter_model.safetensors.index.json")
IMPLEMENTATIONS = tuple(
    f"{mark}{kind}_implementation" for mark in ("", "_") for kind in ("attn", "experts")
)
_load = torch.load
_confined = []  # the blocks that are running; a list, as threads that they start are confined too


@contextmanager
def confined():
    """Refuse whatever unpickles or goes to the network in this process while the block runs."""
    _watch()
    torch.load = _refuse_to_load  # a pickle too, if read with more care
    _confined.append(None)
    try:
        yield
    finally:
        _confined.pop()
        torch.load = _refuse_to_load if _confined else _load


@cache
def _watch():
    sys.addaudithook(_refuse)  # for as long as the process lives


def _refuse(event, arguments):
    if not _confined or event not in REFUSED:
        return
    if event == "socket.connect" and arguments[0].family == socket.AF_UNIX:
        return  # of this machine
    about = [str(argument) for argument in arguments if isinstance(argument, str | tuple)]
    raise Refused(f"it {REFUSED[event]} ({event}: {' '.join(about)})")


def _refuse_to_load(file, *_, **__):
    raise Refused(f"it wants pickled weights ({file}), which are never read; take safetensors")


def expect_own_files(folder, *, remote_code):
    """Refuse a checkpoint that names what is none of its files: weights, kernels, code.

    Parameters
    ----------
    remote_code : bool, whether code in the folder may be run

    Raises
    ------
    Refused
    """
    for name in INDICES:
        weight_map = _json(Path(folder, name)).get("weight_map")
        for file in sorted(set(_texts(weight_map))):
            outside = Path(file).is_absolute() or ".." in Path(file).parts
            if outside or not file.endswith(".safetensors"):
                raise Refused(f"{folder}: {name} names {file!r}, no safetensors of this folder")
    for name in _texts(_json(Path(folder, "config.json")), below=IMPLEMENTATIONS):
        if "/" in name:
            raise Refused(f"{folder}/config.json wants {name!r}, a compiled kernel of another repo")
    for file in sorted(Path(folder).glob("*.json")) if remote_code else ():
        for name in _texts(_json(file), below=("auto_map",)):
            if "--" in name:
                raise Refused(f"{file}: auto_map names {name!r}, code of another repo or commit")


def _texts(value, below=None):
    """All texts in what a JSON file holds; those below one of the keys `below`, if there are any.

    Without recursion: whoever wrote the file has chosen its depth.
    """
    found, left = [], [(value, below is None)]
    while left:
        value, counts = left.pop()
        if isinstance(value, dict):
            left += [(part, counts or key in below) for key, part in value.items()]
        elif isinstance(value, list):
            left += [(part, counts) for part in value]
        elif counts and isinstance(value, str):
            found.append(value)
    return found


def _json(file):
    """The object in a JSON file; nothing of one that cannot be read: who needs it will say so."""
    try:
        content = json.loads(file.read_bytes()) if file.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
