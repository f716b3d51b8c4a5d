"""A hub that does not answer, or not as it should: what passes is waited for, and told else."""

import traceback
from pathlib import Path

import pytest
from huggingface_hub import constants
from tiny import write_checkpoint

from modelmap import hub

SECRET = "hf_theSecretToken"


def test_a_download_that_breaks_off_goes_on_where_it_was(
    local_hub, tmp_path, monkeypatch, retrieve
):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 500)  # what is kept are whole chunks
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    local_hub.interrupt("model.safetensors", after=1500)
    found = retrieve()
    sent = [
        (r.status, r.n_bytes) for r in local_hub.requests if r.path.endswith("model.safetensors")
    ]
    size = found["sizes"]["model.safetensors"]
    assert sent == [(200, 0), (200, 1500), (206, size - 1500)]


def test_a_corrupt_download_is_tried_again(local_hub, tmp_path, capfd, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    local_hub.corrupt("model.safetensors")
    local_hub.corrupt("config.json")
    retrieve()
    assert local_hub.downloads().count("model.safetensors") == 2
    assert local_hub.downloads().count("config.json") == 2
    assert "org/tiny: model.safetensors has the hash" in capfd.readouterr().err


def test_a_download_that_stays_corrupt_is_not_kept(local_hub, tmp_path):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    found = hub.resolve("org/tiny")
    local_hub.corrupt("model.safetensors", times=2)
    with pytest.raises(hub.Unreachable, match=r"org/tiny: model.safetensors was twice"):
        hub.fetch(found)
    assert hub.missing_files(found) == ["model.safetensors"]
    blobs = Path(constants.HF_HUB_CACHE).rglob("blobs/*")
    assert [path for path in blobs if path.stat().st_size > 1000] == []
    hub.fetch(found)
    assert hub.missing_files(found) == []


@pytest.mark.parametrize("status", [500, 503, None])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("match", ["/api/", "config.json", "model.safetensors"])
def test_errors_that_pass_are_waited_for(
    local_hub, tmp_path, slept, match, method, status, retrieve
):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    local_hub.fail(match, status=status, times=2, method=method)
    retrieve()
    assert slept or (match, method) == ("/api/", "HEAD")


def test_an_address_that_has_expired_is_asked_for_again(local_hub, tmp_path, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    local_hub.fail("model.safetensors", status=403, times=2, method="GET", message="")
    retrieve()


@pytest.mark.parametrize("status", [500, None])
@pytest.mark.parametrize(("match", "method"), [("/api/", ""), ("/resolve/", "HEAD")])
def test_errors_that_stay_are_no_fault_of_the_model(local_hub, tmp_path, match, method, status):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    local_hub.fail(match, status=status, method=method)
    with pytest.raises(hub.Unreachable) as error:
        hub.resolve("org/tiny")
    wanted = "HTTP 500 no luck" if status else "RemoteProtocolError"
    assert str(error.value).startswith(f"org/tiny: the hub cannot be reached ({wanted}")
    assert str(error.value).endswith("a plain rerun goes on")


def test_a_fetch_that_fails_goes_on_later(local_hub, tmp_path):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a", n_shards=3))
    found = hub.resolve("org/tiny")
    local_hub.fail("model-00002-of-00003.safetensors", times=5, method="GET")
    with pytest.raises(hub.Unreachable, match="org/tiny: the hub cannot be reached"):
        hub.fetch(found)
    assert hub.missing_files(found) == ["model-00002-of-00003.safetensors"]
    local_hub.requests.clear()
    hub.fetch(found)
    assert local_hub.downloads() == ["model-00002-of-00003.safetensors"]


def test_nobody_is_there(local_hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(hub.Unreachable, match=r"org/tiny: the hub cannot be reached \(ConnectErr"):
        hub.resolve("org/tiny")


def test_a_page_that_is_no_hub(local_hub):
    local_hub.fail("/api/", status=200, message="welcome to the guest network")
    with pytest.raises(hub.Unreachable, match="org/tiny: the hub cannot be reached"):
        hub.resolve("org/tiny")


def test_access_that_was_taken_away_is_told(local_hub, tmp_path):
    repo = local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    found = hub.resolve("org/tiny")
    repo.access = "gated"
    repo.token = SECRET
    with pytest.raises(hub.Unreachable, match="org/tiny: gated: accept the terms at"):
        hub.fetch(found)


def test_a_rate_limit_is_waited_for(local_hub, tmp_path, slept, retrieve):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    local_hub.fail("/api/", status=429, times=1, ratelimit='"api";r=0;t=55')
    retrieve()
    assert slept == [56]


def test_a_token_that_the_hub_does_not_know(local_hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    local_hub.fail("/api/", status=401, message="Invalid credentials in Authorization header")
    with pytest.raises(hub.Unreachable, match="does not accept your token") as error:
        hub.resolve("org/tiny")
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("status", [401, 403, 418, 500])
def test_a_token_is_never_repeated(local_hub, monkeypatch, capfd, caplog, status):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    message = f"bad credentials: Bearer {SECRET} for https://a.b/c?X-Signature=theSignature"
    local_hub.fail("/api/", status=status, message=message)
    try:
        said = str(hub.resolve("org/tiny"))
    except hub.Unreachable:
        said = traceback.format_exc()
    assert "<token>" in said
    said += caplog.text + "".join(capfd.readouterr())
    assert SECRET not in said
    assert "theSignature" not in said


def test_a_password_in_an_address_is_never_repeated(local_hub, monkeypatch, capfd, caplog):
    password = "thePassword"
    place = local_hub.url.replace("://", f"://user:{password}@")
    monkeypatch.setattr(constants, "ENDPOINT", place)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    for status in (403, 500, None):
        local_hub.fail("/api/", status=status, message=f"see {place}/x?token={SECRET}")
        try:
            said = str(hub.resolve("org/tiny"))
        except hub.Unreachable:
            said = traceback.format_exc()
        said += caplog.text + "".join(capfd.readouterr())
        assert "org/tiny" in said
        assert password not in said
        assert SECRET not in said
        local_hub.recover()


def test_what_is_wrong_on_this_machine_is_not_blamed_on_the_hub(local_hub, tmp_path):
    local_hub.add("org/tiny", write_checkpoint(tmp_path / "a"))
    (tmp_path / "cache").write_text("a file where the cache should be")
    with pytest.raises(OSError, match="cache") as error:
        hub.resolve("org/tiny")
    assert error.value.errno
