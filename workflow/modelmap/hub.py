"""Checkpoints on a Hugging Face hub: what one consists of, and its files in the user's own cache.

Everything goes through huggingface_hub, so what users set for it holds here too: `hf auth login` or
HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from huggingface_hub import (
    HfApi,
    constants,
    errors,
    hf_hub_download,
    scan_cache_dir,
    try_to_load_from_cache,
)
from huggingface_hub.utils import tqdm

from modelmap.hub_errors import Refusal, Unreachable, ask, explained, lacking, offline, say

N_DOWNLOADS = 8  # files at a time
TELL_EVERY = 10  # seconds of a download
FOLDERS = ("", "additional_chat_templates")
SMALL = ("*.json", "*.txt", "*.jinja", "*.model", "tokenizer.model.*", "*.tiktoken")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")  # transformers' order
TEXTS = ("model_type", "transformers_weights")  # of a config.json
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
MOST_BYTES = 2**28  # of a file that is no weights; the largest tokenizers have 2**25
NO_WEIGHTS = ("training_args", "optimizer", "scheduler", "rng_state")


@dataclass(frozen=True)
class _Listing:
    """What a repo holds at a commit: file -> (bytes, hash)."""

    commit: str
    files: dict
    n_parameters: int | None = None
    renamed_to: str | None = None


def resolve(repo, revision=None, *, convert=None, remote_code=None, known_types=None):
    """Find a checkpoint on the hub, and download all that is small of it, but no weights.

    Parameters
    ----------
    repo : str
        A hub id, owner/name.
    revision : str, optional
        A branch, tag or commit; None is main.
    convert : str, optional
        The foreign format (`internvl_chat`) that the caller converts the checkpoint from.
    remote_code : str, optional
        The commit whose code the user has read and allows: the resolved commit must be this one.
    known_types : collection of str, optional
        The values of `model_type` that can be loaded without the repo's own code; None: do not
        ask.

    Returns
    -------
    dict of plain JSON values

        - status: ok, gated, missing or refused, and `reason`, a text or None;
        - repo, commit, renamed_to (its new name on the hub, or None);
        - local_path: the snapshot's folder in the cache, None unless ok;
        - weights, files: names of the weights that are loaded, and of all files that are needed;
        - n_bytes: of all files, and `sizes`, of each;
        - hashes: as the hub states them: of a file in LFS the sha256 (64 digits), of any other
          git's blob id (40 digits), the sha1 of `blob {size}`, a zero byte and the content;
        - n_parameters: by the hub's reading of the safetensors' headers, or None.

    Raises
    ------
    Unreachable
    """
    found = {"status": "ok", "reason": None, "repo": repo, "commit": None, "renamed_to": None}
    found |= {"local_path": None, "weights": [], "files": [], "sizes": {}, "n_bytes": 0}
    found |= {"hashes": {}, "n_parameters": None}
    try:
        listing = _listing(repo, revision)
        found |= {"commit": listing.commit, "n_parameters": listing.n_parameters}
        found |= {"renamed_to": listing.renamed_to}
        allow = {"convert": convert, "remote_code": remote_code, "known_types": known_types}
        small, weights = _needed(repo, revision, listing, allow)
    except Refusal as refusal:
        return found | {"status": refusal.status, "reason": refusal.reason}
    files = {name: listing.files[name] for name in sorted({*small, *weights})}
    if listing.renamed_to:
        found["reason"] = f"renamed on the hub to {listing.renamed_to}"
    return found | {
        "local_path": str(_cached(repo, listing.commit, small[0]).parent),
        "weights": weights,
        "files": list(files),
        "sizes": {name: size for name, (size, _) in files.items()},
        "n_bytes": sum(size for size, _ in files.values()),
        "hashes": {name: digest for name, (_, digest) in files.items()},
    }


def missing_files(found):
    """Names of the files of an ok model that are not, or not any more, in its local_path."""
    return [name for name in found["files"] if not Path(found["local_path"], name).exists()]


def fetch(found):
    """Download what is missing of a model that `resolve` found, weights above all.

    Each file is compared with its stated hash once it is here. Where nothing is missing, nothing
    is asked of the hub.

    Raises
    ------
    Unreachable
    """
    names = missing_files(found)
    if names and _cache() not in Path(found["local_path"]).parents:
        place = f"{found['local_path']} is not in the cache, {_cache()}"
        raise Unreachable(f"{found['repo']}: {place}; set HF_HOME as it was, or retrieve it anew")
    files = {name: (found["sizes"][name], found["hashes"][name]) for name in names}
    try:
        _download(found["repo"], found["commit"], files)
    except Refusal as refusal:
        raise Unreachable(
            f"{found['repo']}: {refusal.status}: {refusal.reason}; then run again"
        ) from None


def remove_weights(founds, keep=()):
    """Delete the weights of models from the cache; what else of them is there stays.

    A blob stays where another snapshot, or the weights of a model of `keep`, link to it. Nothing
    outside the cache is touched.

    Returns
    -------
    int
        Bytes freed.

    Raises
    ------
    OSError
        If the cache of one of these repos is damaged (nothing is deleted then), or cannot be
        written.
    """
    paths = _weight_paths(founds) - _weight_paths(keep)
    paths = {path for path in paths if path.is_symlink() or path.exists()}
    if not paths or not _cache().exists():
        return 0
    scan = scan_cache_dir(_cache())
    cached = [f for repo in scan.repos for revision in repo.revisions for f in revision.files]
    inside = {path for path in paths if _cache() in path.parents}
    if lost := inside - {file.file_path for file in cached}:
        damages = "; ".join(map(str, scan.warnings))
        raise OSError(f"the cache is damaged, so {min(lost)} is not deleted: {damages}")
    plan = scan.delete_files(*(file for file in cached if file.file_path in inside))
    plan.execute()
    return plan.expected_freed_size


def _weight_paths(founds):
    return {Path(found["local_path"], name) for found in founds for name in found["weights"]}


def _cache():
    return Path(constants.HF_HUB_CACHE).expanduser().resolve()


def _cached(repo, commit, name):
    """Where a file lies in the cache, or None."""
    path = try_to_load_from_cache(repo, name, cache_dir=_cache(), revision=commit)
    return Path(path) if isinstance(path, str) else None


def _listing(repo, revision):
    if constants.is_offline_mode():
        return _cached_listing(repo, revision)
    facts = {"revision": revision, "files_metadata": True}
    facts["timeout"] = constants.HF_HUB_DOWNLOAD_TIMEOUT  # it has none of its own
    info = ask(repo, revision, partial(HfApi().model_info, repo, **facts))
    files = {
        file.rfilename: (file.size, file.lfs.sha256 if file.lfs else file.blob_id)
        for file in info.siblings or ()
    }
    n_parameters = info.safetensors.total if info.safetensors else None
    return _Listing(info.sha, files, n_parameters, info.id if info.id != repo else None)


def _cached_listing(repo, revision):
    """What the cache holds of a repo, for machines that are offline."""
    try:
        resolved = HfApi().resolve_revision(
            repo, revision=revision, cache_dir=_cache(), local_files_only=True
        )
    except errors.RevisionResolutionError:
        raise offline(repo, f"the cache does not know its revision {revision or 'main'}") from None
    except errors.HFValidationError as error:
        raise explained(repo, revision, error) from None
    commit = resolved.resolved
    known = (_cached(repo, commit, name) for name in ("config.json", "adapter_config.json"))
    folder = next((path.parent for path in known if path), None)
    if folder is None:
        raise offline(repo, f"the cache has no config.json of commit {commit}")
    paths = [path for path in folder.rglob("*") if path.is_file()]
    files = {p.relative_to(folder).as_posix(): (p.stat().st_size, _blob_name(p)) for p in paths}
    return _Listing(commit, files)


def _blob_name(path):
    """The hash of a cached file: it names the blob that the snapshot links to."""
    return Path(os.readlink(path)).name if path.is_symlink() else _digest(path, 64)


def _needed(repo, revision, listing, allow):
    """Names of the small files, now in the cache, and of the weights."""
    files = listing.files
    if odd := next(filter(_lies_outside, files), None):
        raise Refusal("refused", f"it lists a file {odd!r}, which can lie in no folder of its own")
    adapter = "adapter_config.json" in files and not files.keys() & set(WEIGHTS)
    first = "adapter_config.json" if adapter else "config.json"
    if first not in files:
        raise lacking(repo, f"no config.json: found {_shown(files)}")
    config = _json(repo, listing, first)
    if not adapter:
        _check_code(config, revision or "main", listing.commit, **allow)
    named = config.get("transformers_weights")
    wanted = ["adapter_model.safetensors"] if adapter else [*([named] if named else []), *WEIGHTS]
    entry = _entry(repo, files, wanted)
    small = _small(files, code=bool(allow["remote_code"]))
    _get_missing(repo, listing, small)
    weights = _shards(repo, listing, entry) if entry.endswith(".index.json") else [entry]
    if other := [name for name in weights if not name.endswith(".safetensors")]:
        raise Refusal("refused", f"its weights are said to be {other[0]}, no safetensors")
    # asked for by its branch, the cache notes which commit that is: for later, offline
    note = partial(hf_hub_download, repo, first, revision=revision, cache_dir=_cache())
    ask(repo, revision, note)
    return [first, *(name for name in small if name != first)], weights


def _lies_outside(name):
    """Whether the name of a repo's file is none that a checkout could have."""
    parts = name.split("/")
    return ".." in parts or "" in parts or "\0" in name or max(len(p.encode()) for p in parts) > 255


def _small(files, code):
    patterns = (*SMALL, "*.py") if code else SMALL
    return [path for path in files if _is_small(*path.rpartition("/")[::2], patterns)]


def _is_small(folder, name, patterns):
    here = folder in FOLDERS and not name.startswith("consolidated")
    return here and any(fnmatchcase(name, pattern) for pattern in patterns)


def _check_code(config, revision, commit, *, convert, remote_code, known_types):
    """Refuse a model that is loaded by code of its own, unless that is allowed or not needed."""
    model_type = config.get("model_type")
    if convert and convert != model_type:
        reason = f"convert is {convert}, but the model_type is {model_type}; leave convert empty"
        raise Refusal("refused", reason)
    if remote_code and remote_code != commit:
        reason = f"remote_code allows the code of commit {remote_code}, but {revision} is {commit}"
        advice = f"set revision to {remote_code}, or read the code of {commit} and allow that"
        raise Refusal("refused", f"{reason}; {advice}")
    if convert or remote_code or known_types is None or model_type in known_types:
        return
    if model_type == "internvl_chat":
        reason = "it is in InternVL's own format; set convert to internvl_chat in the sheet"
    elif "auto_map" in config:
        reason = "needs its own code (auto_map): transformers does not load model_type"
        advice = "look for a repo in transformers' format (often …-hf), or read its code and set"
        reason = f"{reason} {model_type}; {advice} remote_code to the commit, {commit}"
    else:
        reason = f"transformers does not load model_type {model_type}"
    raise Refusal("refused", reason)


def _entry(repo, files, wanted):
    """The first of `wanted`: the file of the weights, or the index of their shards."""
    if entry := next((name for name in wanted if name in files), None):
        return entry
    pickles = [
        name
        for name in sorted(files)
        if "/" not in name and name.endswith(PICKLES) and not name.startswith(NO_WEIGHTS)
    ]
    if pickles:
        reason = f"pickle-only: the weights are there as {pickles[0]} alone, which runs code when"
        advice = "take a revision with safetensors (many have one as a pull request, refs/pr/N)"
        raise Refusal("refused", f"{reason} read; {advice}, or convert them yourself")
    raise lacking(repo, f"no weights: expected {' or '.join(wanted)}, found {_shown(files)}")


def _shards(repo, listing, entry):
    """The files that an index names."""
    index = _json(repo, listing, entry).get("weight_map")
    if not isinstance(index, dict) or not all(isinstance(name, str) for name in index.values()):
        raise Refusal("refused", f"{entry} has no weight_map of tensors to files")
    shards = sorted(set(index.values()))
    if absent := [name for name in shards if name not in listing.files]:
        raise lacking(repo, f"{entry} names {absent[0]}, which is not there")
    return shards


def _json(repo, listing, name):
    """The object in a small JSON file of the repo."""
    _get_missing(repo, listing, [name])
    try:
        content = json.loads(_cached(repo, listing.commit, name).read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refusal("refused", f"{name} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Refusal("refused", f"{name} is no JSON object")
    if odd := [key for key in TEXTS if not isinstance(content.get(key), str | None)]:
        raise Refusal("refused", f"{name}: {odd[0]} is no text")
    return content


def _get_missing(repo, listing, names):
    """Get files that are no weights."""
    for name in names:
        if (n_bytes := listing.files[name][0] or 0) > MOST_BYTES:
            said = f"{name} has {n_bytes:,} bytes; of files that are no weights at most"
            raise Refusal("refused", f"{said} {MOST_BYTES:,} are read")
    names = [name for name in names if not _cached(repo, listing.commit, name)]
    _download(repo, listing.commit, {name: listing.files[name] for name in names})


def _download(repo, commit, files):
    """Get files, name -> (bytes, hash), of a commit into the cache."""
    with ThreadPoolExecutor(N_DOWNLOADS) as pool:
        list(pool.map(lambda name: _get(repo, commit, name, *files[name]), files))


def _get(repo, commit, name, n_bytes, digest):
    """Get a file whose content must have this hash."""
    for _ in range(2):
        say(f"{repo}: downloading {name} ({n_bytes:,} bytes)")
        how = {"revision": commit, "cache_dir": _cache(), "tqdm_class": _Lines}
        get = partial(hf_hub_download, repo, name, **how)
        path = Path(ask(repo, commit, get))
        if (found := _digest(path, len(digest))) == digest:
            return
        say(f"{repo}: {name} has the hash {found}, expected {digest}")
        _discard(path)
    reason = f"{name} was twice downloaded with other bytes than the hub states (hash {digest})"
    raise Unreachable(f"{repo}: {reason}; a plain rerun tries again")


class _Lines(tqdm):
    """A download's progress bar as lines of a log, which has no terminal to draw bars on."""

    def __init__(self, *args, **how):
        how |= {"disable": False, "delay": TELL_EVERY, "mininterval": TELL_EVERY}
        bar = "{desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left"
        super().__init__(*args, **how, bar_format=bar)

    def display(self, *_, **__):
        say(str(self))


def _digest(path, n_digits):
    """The sha256 of a file, or, of 40 digits, its blob id in git."""
    with open(path, "rb") as content:
        if n_digits == 64:
            return hashlib.file_digest(content, "sha256").hexdigest()
        return hashlib.sha1(b"blob %d\0%b" % (path.stat().st_size, content.read())).hexdigest()


def _discard(path):
    """Delete a file of the cache and what it links to: a blob, itself perhaps a link."""
    while path.is_symlink():
        target = path.parent / os.readlink(path)
        path.unlink()
        path = target
    path.unlink(missing_ok=True)


def _shown(files):
    names = sorted(files)
    return (", ".join(names[:5]) + (" …" if len(names) > 5 else "")) or "nothing"
