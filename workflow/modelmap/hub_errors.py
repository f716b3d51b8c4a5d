"""What it means that a Hugging Face hub does not answer: no for good, or not now."""

import re
import sys
import time

from huggingface_hub import constants, errors, get_token
from huggingface_hub.utils import parse_ratelimit_headers

from modelmap.quoting import plain

LONG = 10_000  # characters of a message that are looked at
WAITS = (1, 2, 4, 8)  # seconds before a request is made again


class Unreachable(RuntimeError):
    """The hub cannot be asked now, or does not deliver; a plain rerun goes on."""

    def __init__(self, reason):
        super().__init__(plain(without_secrets(reason)))


class Refusal(Exception):
    """Why a model cannot be had, for good: a status (gated, missing, refused) and a reason."""

    def __init__(self, status, reason):
        self.status, self.reason = status, plain(without_secrets(reason))
        super().__init__(self.reason)


def say(text):
    """Print a line to the log, at once."""
    print(plain(without_secrets(text)), file=sys.stderr, flush=True)


def ask(repo, revision, call):
    """Return what huggingface_hub answers to `call`.

    Its own retries (2.4.0) cover a file's headers and a download that breaks off, and neither a
    repo's facts nor a download that is refused with 5xx: those are tried again here.

    Raises
    ------
    Refusal
    Unreachable
    """
    waits = iter(WAITS)
    while True:
        try:
            return call()
        except Exception as error:  # of httpx2, of hf_xet, of JSON where this is no hub
            if getattr(error, "errno", None):  # of this machine: the disk is full, say
                raise
            wait = next(waits, None)
            if wait is None or not _passing(error):
                raise explained(repo, revision, error) from None
            wait = max(wait, _rate_limit(error))
        say(f"{repo}: the hub does not answer; asking again in {wait} s")
        time.sleep(wait)


def lacking(repo, reason):
    """What to raise where a file is not there: offline, the hub may well have it."""
    return offline(repo, reason) if constants.is_offline_mode() else Refusal("refused", reason)


def offline(repo, reason):
    """What to raise where the cache lacks something and the hub may not be asked."""
    advice = "unset HF_HUB_OFFLINE, or download the model where there is a network"
    return Unreachable(f"{repo}: offline (HF_HUB_OFFLINE), and {reason}; {advice}, then run again")


def explained(repo, revision, error):
    """The Refusal or Unreachable that an error of huggingface_hub means."""
    if isinstance(error, errors.LocalEntryNotFoundError):  # the library has tried again
        error = error.__cause__ or error
    code, said = _code(error), _short(getattr(error, "server_message", None) or "")
    match error:
        case errors.HFValidationError():
            return Refusal("missing", f"{repo} is no hub id, which is owner/name")
        case errors.GatedRepoError():
            return Refusal("gated", _how_to_enter(repo))
        case errors.DisabledRepoError():
            return Refusal("missing", f"{repo} is disabled on the hub")
        case errors.RevisionNotFoundError():
            place = f"https://huggingface.co/{repo}/tree/main shows its branches and tags"
            return Refusal("missing", f"{repo} has no revision {revision}; {place}")
        case errors.RemoteEntryNotFoundError():
            return Refusal("missing", f"the hub lists a file of {repo} that it does not have")
        case errors.OfflineModeIsEnabled():
            return offline(repo, "the cache does not have all its files")
    if code == 401 and "credentials" in said:
        advice = "log in again with `hf auth login`, or unset HF_TOKEN, then run again"
        return Unreachable(f"{repo}: the hub does not accept your token ({said}); {advice}")
    if isinstance(error, errors.RepositoryNotFoundError) or code in (401, 404):
        return Refusal("missing", _not_there(repo))
    if code and not _passing(error):
        about = f"{_how_to_enter(repo)}; " if code == 403 else ""
        status = "gated" if code == 403 else "missing"
        return Refusal(status, f"{about}the hub answers HTTP {code} {said}".strip())
    what = f"HTTP {code} {said}" if code else f"{type(error).__name__}: {_short(str(error))}"
    return Unreachable(f"{repo}: the hub cannot be reached ({what.strip()}); a plain rerun goes on")


def _code(error):
    """The HTTP status that an error is about, or None."""
    return getattr(getattr(error, "response", None), "status_code", None)


def _passing(error):
    """Tell whether it may help to ask again: the server or the wire is at fault."""
    code = _code(error)
    if code == 403:  # of a file's signed address that has expired: the hub itself gives a reason
        return "X-Error-Message" not in error.response.headers
    return isinstance(error, errors.HTTPError) and (
        code is None or code >= 500 or code in (408, 429)
    )


def _rate_limit(error):
    """Seconds until the hub takes requests again, 0 if it does."""
    limit = parse_ratelimit_headers(error.response.headers) if _code(error) else None
    return limit.reset_in_seconds + 1 if limit and not limit.remaining else 0


def _how_to_enter(repo):
    page = f"https://huggingface.co/{repo}"
    if get_token():
        right = "a fine-grained token needs the right to read gated repos"
        return f"your token does not open it: accept the terms at {page}; {right}"
    return f"accept the terms at {page}, then `hf auth login` or set HF_TOKEN"


def _not_there(repo):
    if "/" in repo:
        advice = "or private, and no token opens it (`hf auth login` or HF_TOKEN)"
        return f"{repo} is not on the hub, {advice}"
    models = "models behind an API give no log-likelihoods of given texts, so cannot be mapped"
    return f"{repo} is not on the hub: a hub id is owner/name; {models}"


def _short(text):
    """Another's message on one line, short."""
    return plain(without_secrets(text), most=300)


def without_secrets(text):
    """A message without the user's token, and of addresses without signature and password."""
    text = text.replace(get_token() or "\0", "<token>")[:LONG]
    text = re.sub(r"(://[^\s?]*)\?\S*", r"\1", text)
    return re.sub(r"(?<=://)[^\s/@]*@", "", text)
