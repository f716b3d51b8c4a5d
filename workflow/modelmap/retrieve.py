"""A model of the sheet: where its checkpoint is, what it consists of, and its weights."""

import hashlib
import json
import shutil
import socket
from pathlib import Path

from filelock import FileLock

from modelmap import hub

FOREIGN = {"adapter_model.safetensors"}  # weights of an adapter, which is no model by itself


def describe(repo, *, revision, path, adapter, adapter_path, convert, remote_code, files):
    """Describe a checkpoint, and the adapter that is put on it, as plain JSON values.

    Parameters
    ----------
    repo, revision, adapter, convert, remote_code : the columns of the sheet
    path, adapter_path : their folders; None of a hub id
    files : the files of such folders

    Returns
    -------
    dict: repo, revision, commit, local_path, adapter (its folder), hashes, status, reason; of a
    hub id, what hub.resolve says too; `adapter_source`, the same of a hub's adapter

    Raises
    ------
    hub.Unreachable
    """
    options = {"convert": convert, "remote_code": remote_code}
    found = _local(path, files) if path else _remote(repo, revision, options)
    found |= {"repo": repo, "revision": revision, "adapter": adapter_path, "convert": convert}
    found |= {"remote_code": remote_code, "adapter_source": None}
    if path and remote_code:
        found |= {"status": "refused", "reason": "remote_code is of hub ids: it names a commit"}
    if found["status"] == "ok" and adapter:
        found |= _adapter(adapter, adapter_path, found, files)
    return found


def _local(path, files):
    """What there is to say of a folder."""
    reason = None if Path(path).is_dir() else f"the folder {path} does not exist"
    hashes = _hashes(files)
    status = "missing" if reason else "ok"
    return {
        "commit": None,
        "local_path": path,
        "hashes": hashes,
        "status": status,
        "reason": reason,
    }


def _hashes(files):
    """sha256 of files, by their paths."""
    hashes = {}
    for file in files:
        with open(file, "rb") as content:
            hashes[file] = hashlib.file_digest(content, "sha256").hexdigest()
    return hashes


def _remote(repo, revision, options):
    """What the hub says of an id."""
    from modelmap.models import families, loading  # slow to import, and of use for a hub alone

    found = hub.resolve(repo, revision, **options, known_types=loading.LOADED)
    if found["status"] == "ok" and FOREIGN & set(found["weights"]):
        reason = f"{repo} is an adapter: name the model it is put on as repo, and it as adapter"
        found |= {"status": "refused", "reason": reason}
    elif found["status"] == "ok":
        config = loading.read_config(found["local_path"])
        if reason := families.refusal(config):
            found |= {"status": "refused", "reason": f"its {reason}"}
        found["is_blind"] = config.get("model_type") in loading.BLIND
    return found


def _adapter(adapter, path, found, files):
    """What the adapter adds to what was found; `files` are those of folders."""
    if path:
        if Path(path, "adapter_config.json").exists():
            return {"hashes": found["hashes"] | _hashes(files)}
        reason = f"{adapter} is no adapter: it has no adapter_config.json"
        return {"status": "missing", "reason": reason}
    source = hub.resolve(adapter)
    if source["status"] == "ok" and not FOREIGN & set(source["weights"]):
        reason = f"it is no adapter: it has no {min(FOREIGN)}"
        source |= {"status": "refused", "reason": reason}
    if source["status"] != "ok":
        return {"status": source["status"], "reason": f"adapter {adapter}: {source['reason']}"}
    hashes = found["hashes"] | {f"adapter/{k}": v for k, v in source["hashes"].items()}
    return {"adapter": source["local_path"], "adapter_source": source, "hashes": hashes}


def _sources(checkpoint):
    """What of a checkpoint comes from a hub: itself and its adapter."""
    sources = [checkpoint, checkpoint["adapter_source"]]
    return [found for found in sources if found and found["status"] == "ok" and "weights" in found]


def fetch(checkpoint, *, images):
    """Download what is missing of a checkpoint; nothing of one that is not ok, or that is to look
    at images and cannot.
    """
    if images and checkpoint.get("is_blind"):
        return
    for found in _sources(checkpoint):
        hub.fetch(found)


def expect_here(checkpoint):
    """Raise hub.Unreachable if this machine has not got the small files that `describe` saw.

    Weights apart, which a model that does not apply need not have.
    """
    files = [
        Path(found["local_path"], name)
        for found in _sources(checkpoint)
        for name in found["files"]
        if name not in found["weights"]
    ]
    folders = [Path(checkpoint[key]) for key in ("local_path", "adapter") if checkpoint[key]]
    files += [file for file in map(Path, checkpoint["hashes"]) if file.parent in folders]
    if absent := [file for file in files if not file.exists()]:
        raise hub.Unreachable(
            f"{absent[0]} is not on {socket.gethostname()}, though it was where the model was "
            "retrieved: all nodes must share the folder of a checkpoint, and HF_HOME of a hub's; "
            "then run again"
        )


def expect_weights(checkpoint):
    """Raise hub.Unreachable if files of an ok checkpoint are not, or not any more, here."""
    for found in _sources(checkpoint):
        if missing := hub.missing_files(found):
            raise hub.Unreachable(
                f"{found['repo']}: {missing[0]} is not in {found['local_path']}; delete "
                "resources/fetched and resources/converted, and run again"
            )


def load(checkpoint, settings, *, images, device, threads):
    """Load the checkpoint that `read` gave, for samples with (or without) images.

    Parameters
    ----------
    settings : dict with dtype, attention, image_options and share_prefix, see loading.load

    Raises
    ------
    loading.Refused, hub.Unreachable
    """
    from modelmap.models import loading  # torch only where it is needed

    expect_here(checkpoint)
    own_code = bool(checkpoint["remote_code"])
    loading.expect_to_score(checkpoint["path"], images=images, remote_code=own_code)
    expect_weights(checkpoint)
    keys = ("dtype", "attention", "image_options", "share_prefix")
    return loading.load(
        checkpoint["path"],
        adapter=checkpoint["adapter"],
        remote_code=own_code,
        device=device,
        threads=threads,
        **{key: settings[key] for key in keys},
    )


def sizes(checkpoint):
    """Bytes still to download, and of all files; both None where they are not known, with why."""
    if checkpoint["status"] != "ok":
        note = f"{checkpoint['status']}: {checkpoint['reason']}"
        return {"download_bytes": None, "disk_bytes": None, "note": note}
    sources = _sources(checkpoint)
    due = sum(found["sizes"][name] for found in sources for name in hub.missing_files(found))
    files = [Path(file) for file in checkpoint["hashes"]] if not sources else []
    disk = sum(file.stat().st_size for file in files if file.exists())
    disk += sum(found["n_bytes"] for found in sources)
    disk *= 2 if checkpoint["convert"] else 1  # its native form lies beside it
    return {"download_bytes": due, "disk_bytes": disk, "note": None}


def read(file, weights=()):
    """What `describe` said, with `path`: where it is loaded from, converted where it must be.

    `weights` are files that `fetch` or `convert` left: why it cannot be converted stands there.
    """
    checkpoint = json.loads(Path(file).read_text())
    path = Path(file).with_suffix(".native") if checkpoint["convert"] else checkpoint["local_path"]
    for outcome in weights:
        checkpoint |= json.loads(Path(outcome).read_text() or "{}")
    return checkpoint | {"path": str(path)}


def convert(checkpoint, converter):
    """Convert a checkpoint by `converter(source, target)`, unless this commit of it was before."""
    target = Path(checkpoint["path"])
    source = {key: checkpoint[key] for key in ("repo", "commit", "hashes")}
    note = target / "converted_from.json"
    with FileLock(target.with_suffix(".lock")):
        if note.exists() and json.loads(note.read_text()) == source:
            return
        expect_here(checkpoint)
        shutil.rmtree(target, ignore_errors=True)
        converter(checkpoint["local_path"], target)
        note.write_text(json.dumps(source))


def remove_weights(scores):
    """Remove the weights of models whose scores are all there; say what that freed.

    Parameters
    ----------
    scores : dict of file that describes a model, to all its score files
    """
    done, todo = [], []
    for file, wanted in scores.items():
        if Path(file).exists():
            there = all(Path(score).exists() for score in wanted)
            (done if there else todo).append(read(file))
            for left in Path("resources").glob(f"*ed/*/{Path(file).stem}") if there else ():
                shutil.rmtree(left)  # fetched or converted, by a run that was killed
    freed = hub.remove_weights(*([s for c in some for s in _sources(c)] for some in (done, todo)))
    for checkpoint in done:
        if checkpoint["convert"] and Path(checkpoint["path"]).exists():
            freed += sum(file.stat().st_size for file in Path(checkpoint["path"]).iterdir())
            shutil.rmtree(checkpoint["path"])
    return f"{len(done)} models are scored and {len(todo)} are not; freed {freed / 1e9:.1f} GB"
