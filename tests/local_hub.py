"""A Hugging Face hub on this machine: folders served as repos over the hub's own protocol.

What huggingface_hub 2.4.0 and datasets 5.2.0 ask for: a repo's info, tree and refs, facts about
paths, and files by revision, with ranges. Faults can be set; every request is on record.
"""

import hashlib
import json
import math
import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LFS = (".safetensors", ".parquet", ".bin", ".pt", ".gguf", ".png", ".jpg", ".zip", ".tar")
SUBPATHS = {
    "revision",
    "tree",
    "paths-info",
    "refs",
    "auth-check",
}  # what may follow a repo's id in the API


@dataclass(frozen=True)
class File:
    """A file of a commit."""

    path: str
    content: bytes

    @property
    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self):
        """What git holds of a file that is stored with LFS, else None."""
        if not self.path.endswith(LFS):
            return None
        spec = "version https://git-lfs.github.com/spec/v1"
        return f"{spec}\noid sha256:{self.sha256}\nsize {len(self.content)}\n".encode()

    @property
    def blob_id(self):
        content = self.pointer or self.content
        return hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()

    @property
    def lfs(self):
        if not self.pointer:
            return {}
        facts = {"size": len(self.content), "pointerSize": len(self.pointer)}
        return {"lfs": facts | {"sha256": self.sha256, "oid": self.sha256}}

    def sibling(self, blobs):
        facts = {"rfilename": self.path}
        details = {"size": len(self.content), "blobId": self.blob_id, **self.lfs}
        return facts | (details if blobs else {})

    def entry(self):
        facts = {"type": "file", "path": self.path, "size": len(self.content)}
        return facts | {"oid": self.blob_id, **self.lfs}

    def headers(self, commit):
        etag = self.sha256 if self.pointer else self.blob_id
        linked = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": len(self.content)}
        facts = {"X-Repo-Commit": commit, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        return facts | (linked if self.pointer else {})


@dataclass
class Repo:
    """A repo: its commits and refs, and who may see what.

    `access` is public, gated (anyone sees what is in it, who sends `token` gets it), private
    (who does not send `token` is told that there is no such repo) or disabled.
    """

    id: str
    kind: str
    access: str = "public"
    token: str | None = None
    commits: dict = field(default_factory=dict)
    refs: dict = field(default_factory=dict)

    def push(self, folder, ref="main"):
        """Make the files of `folder` a commit, and `ref` name it; the same files, the same id."""
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        files = [File(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]
        tree = "".join(f"{file.path}\0{file.sha256}\n" for file in files)
        commit = hashlib.sha1(tree.encode()).hexdigest()
        self.commits[commit] = {file.path: file for file in files}
        self.refs[ref] = commit
        return commit


@dataclass(frozen=True)
class Request:
    """A request that was answered; `n_bytes` of the body were sent."""

    method: str
    path: str
    status: int
    n_bytes: int


class _Answer(Exception):
    """An answer that is no file: an error, or a redirection."""

    def __init__(self, status, message, code=None, **headers):
        super().__init__(message)
        named = {"X-Error-Code": code} if code else {}
        self.status = status
        said = {"X-Error-Message": message} if message else {}
        self.headers = said | named | headers


class LocalHub:
    """The server; a context manager, up from `with` to its end at `url`."""

    def __init__(self):
        self.repos, self.renamed, self.requests = {}, {}, []
        self._faults, self._lock, self._end = [], threading.Lock(), threading.Event()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home):
        """What a process is to have in its environment to know this hub and no other.

        Its cache is in `home`, and what the user may have set (a token, a proxy) is set aside.
        """
        nothing = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        folders = {"HF_HUB_CACHE": "hub", "HF_DATASETS_CACHE": "datasets", "HF_TOKEN_PATH": "token"}
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
            **{name: str(Path(home, folder)) for name, folder in folders.items()},
            **dict.fromkeys(nothing, ""),
        }

    def add(self, repo_id, folder, *, kind="models", access="public", token=None):
        """Serve the files of `folder` as a repo's branch main."""
        repo = self.repos[kind, repo_id] = Repo(repo_id, kind, access, token)
        repo.push(folder)
        return repo

    def rename(self, old, new, kind="models"):
        repo = self.repos[kind, new] = self.repos.pop((kind, old))
        repo.id, self.renamed[kind, old] = new, new

    def fail(self, match, *, status=500, times=None, method="", message="no luck", **headers):
        """Answer requests whose path holds `match` with an error, `times` times (None: always).

        With `status` None the connection is closed instead.
        """
        fault = {"kind": "fail", "match": match, "times": times, "method": method}
        self._faults.append(fault | {"answer": _Answer(status, message, **headers)})

    def interrupt(self, match, *, after, times=1):
        """Close the connection after the first `after` bytes of a file that is downloaded."""
        fault = {"kind": "interrupt", "match": match, "times": times, "method": "GET"}
        self._faults.append(fault | {"after": after})

    def stall(self, match, *, after, times=1):
        """Send the first `after` bytes of a file that is downloaded, and then nothing."""
        self.interrupt(match, after=after, times=times)
        self._faults[-1] |= {"then": self._end.wait}

    def corrupt(self, match, *, times=1):
        """Send other bytes than the file's."""
        fault = {"kind": "corrupt", "match": match, "times": times, "method": "GET"}
        self._faults.append(fault)

    def recover(self):
        """Be well again: no fault is met any more."""
        with self._lock:
            self._faults.clear()

    def fault(self, kind, method, path):
        """The fault that this request meets, if any; it is used up by one."""
        with self._lock:
            for fault in self._faults:
                meets = fault["kind"] == kind and fault["match"] in path
                if meets and fault["method"] in method and fault["times"] != 0:
                    fault["times"] = None if fault["times"] is None else fault["times"] - 1
                    return fault
        return None

    def downloads(self):
        """The paths of the files that were sent since the last `requests.clear()`."""
        asked = [request for request in self.requests if "/resolve/" in request.path]
        sent = [r.path for r in asked if r.method == "GET" and r.status in (200, 206)]
        return [path.split("/resolve/")[1].split("/", 1)[1] for path in sent]

    def answer(self, path, query, body, token):
        """(headers, content) of what is asked for; an _Answer where that cannot be had."""
        parts = [unquote(part) for part in path.strip("/").split("/")]  # %2F stays in a revision
        if parts[0] == "api" and len(parts) > 2:
            kind, rest = parts[1], parts[2:]
            n = 1 if len(rest) == 1 or rest[1] in SUBPATHS else 2
            repo = self._repo(kind, "/".join(rest[:n]), path, query, token)
            if rest[n:] == ["auth-check"]:
                _let_in(repo, token)
                return {}, b""
            content = self._api(repo, *rest[n:], query=query, body=body)
            return {"Content-Type": "application/json"}, json.dumps(content).encode()
        kind = "datasets" if parts[0] == "datasets" else "models"
        rest = parts[1:] if kind == "datasets" else parts
        if "resolve" not in rest[1:-1]:
            raise _Answer(404, "Sorry, we can't find the page you are looking for.")
        i = rest.index("resolve")
        repo = self._repo(kind, "/".join(rest[:i]), path, query, token)
        commit = _commit(repo, rest[i + 1])
        _let_in(repo, token)
        file = repo.commits[commit].get("/".join(rest[i + 2 :]))
        if file is None:
            raise _Answer(404, "Entry not found", "EntryNotFound", **{"X-Repo-Commit": commit})
        return file.headers(commit), file.content

    def _repo(self, kind, name, path, query, token):
        if new := self.renamed.get((kind, name)):
            asked = "&".join(f"{key}={value}" for key, values in query.items() for value in values)
            place = path.replace(name, new, 1) + ("?" + asked if asked else "")
            raise _Answer(307, "Moved", None, Location=place)
        repo = self.repos.get((kind, name))
        if repo is None or (repo.access == "private" and token != repo.token):
            raise _Answer(404 if token else 401, "Repository not found", "RepoNotFound")
        if repo.access == "disabled":
            raise _Answer(403, "Access to this resource is disabled.")
        return repo

    def _api(self, repo, what="revision", revision="main", *folders, query, body):
        if what == "refs":
            named = [{"name": n, "ref": n, "targetCommit": c} for n, c in repo.refs.items()]
            return {"branches": named, "tags": [], "converts": []}
        commit = _commit(repo, revision)
        files, folder = repo.commits[commit], "".join(f"{part}/" for part in folders)
        if what == "tree":
            deep = query.get("recursive", ["false"])[0].lower() == "true"
            return [e for e in _tree(files) if _within(folder, e["path"], deep)]
        if what == "paths-info":
            wanted = {path.strip("/") for path in parse_qs(body.decode()).get("paths", [])}
            return [entry for entry in _tree(files) if entry["path"] in wanted]
        info = {"id": repo.id, "sha": commit, "lastModified": "2026-01-01T00:00:00.000Z"}
        info |= {"private": repo.access == "private", "disabled": False, "tags": []}
        info |= {"gated": "manual" if repo.access == "gated" else False}
        info |= {"siblings": [file.sibling("blobs" in query) for file in files.values()]}
        return info | _parameters(files)


def _let_in(repo, token):
    if repo.access == "gated" and token != repo.token:
        raise _Answer(403 if token else 401, f"Access to {repo.id} is restricted.", "GatedRepo")


def _commit(repo, revision):
    commit = repo.refs.get(revision, revision)
    if commit not in repo.commits:
        raise _Answer(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def _tree(files):
    """Entries of all files and of the folders they are in."""
    folders = {str(f) for path in files for f in Path(path).parents if str(f) != "."}
    entries = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders]
    return sorted(entries, key=lambda e: e["path"]) + [file.entry() for file in files.values()]


def _within(folder, path, deep):
    return path.startswith(folder) and (deep or "/" not in path.removeprefix(folder))


def _parameters(files):
    """How many parameters the headers of the safetensors files tell of, as the hub counts them."""
    total = 0
    for file in files.values():
        if file.path.endswith(".safetensors") and len(file.content) > 8:
            length = int.from_bytes(file.content[:8], "little")
            header = json.loads(file.content[8 : 8 + length])
            header.pop("__metadata__", None)
            total += sum(math.prod(tensor["shape"]) for tensor in header.values())
    return {"safetensors": {"parameters": {"F32": total}, "total": total}} if total else {}


def _range(asked, n):
    """(start, end) of a Range header in a file of `n` bytes."""
    first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", asked).groups()
    start = int(first) if first else n - int(last)
    if start >= n:
        raise _Answer(416, "Range Not Satisfiable", **{"Content-Range": f"bytes */{n}"})
    return start, min(int(last) + 1, n) if first and last else n


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else headers and body are 40 ms apart
    hub = None

    def do_GET(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        path = unquote(url.path)
        try:
            if fault := self.hub.fault("fail", self.command, path):
                raise fault["answer"]
            query = parse_qs(url.query, keep_blank_values=True)
            self._send(path, *self.hub.answer(url.path, query, body, token))
        except _Answer as answer:
            self._refuse(path, answer)

    do_HEAD = do_POST = do_GET

    def _refuse(self, path, answer):
        if answer.status is None:
            self.close_connection = True
            self.hub.requests.append(Request(self.command, path, 0, 0))
            return
        content = json.dumps({"error": str(answer)}).encode()
        self._write(path, answer.status, answer.headers, content)

    def _send(self, path, headers, content):
        """Send a file, or the range of it that was asked for; or, where a fault is set, less."""
        if self.hub.fault("corrupt", self.command, path):
            content = bytes(byte ^ 0xFF for byte in content)
        status, n = 200, len(content)
        if asked := self.headers.get("Range"):
            start, end = _range(asked, n)
            status, content = 206, content[start:end]
            headers = headers | {"Content-Range": f"bytes {start}-{end - 1}/{n}"}
        fault = self.hub.fault("interrupt", self.command, path)
        self._write(path, status, headers, content, fault["after"] if fault else None)
        if fault and "then" in fault:
            fault["then"]()

    def _write(self, path, status, headers, content, n_bytes=None):
        sent = b"" if self.command == "HEAD" else content[:n_bytes]
        self.hub.requests.append(Request(self.command, path, status, len(sent)))
        self.send_response(status)
        for key, value in (headers | {"Content-Length": len(content)}).items():
            self.send_header(key, str(value))
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection |= n_bytes is not None

    def log_message(self, *_):
        """Say nothing: requests are on record."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of a client that went away; it may have been killed by a test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
