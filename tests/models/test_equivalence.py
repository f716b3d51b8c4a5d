"""Every family scores the same, whatever way is taken: see families/equivalence.py."""

import re
from pathlib import Path

import pytest
from families import build, equivalence
from tiny import load

from modelmap.models.families import KNOWN, REFUSED
from modelmap.models.model import Refused

NAMED = """llava vipllava llava_next llava_onevision qwen2_vl qwen2_5_vl qwen3_vl qwen3_5 internvl
gemma3 gemma4 idefics2 idefics3 smolvlm paligemma mllama mistral3 aya_vision cohere2_vision ovis2
deepseek_vl janus glm4v lfm2_vl minicpmv4_6 blip-2 instructblip kosmos-2"""


FAMILIES = sorted(build.BUILDERS.keys() & KNOWN.keys())
# One of each way through the engine; the others are slow only by their number.
FIRST = {"gemma3", "gpt2", "idefics3", "kosmos-2", "mllama", "paligemma", "qwen2_5_vl", "qwen3_5"}


def families():
    for name in FAMILIES:
        yield pytest.param(name, marks=[] if name in FIRST else pytest.mark.slow)


@pytest.fixture(scope="module", params=families())
def tiny(request, tmp_path_factory):
    return equivalence.Tiny(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("check", equivalence.CHECKS)
def test_two_ways_to_a_score_agree(tiny, check, request):
    if reason := equivalence.EXPECTED_FAILURES.get((tiny.name, check)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    apart = equivalence.CHECKS[check](tiny)
    assert apart is None or apart <= equivalence.limit(tiny, check)


def test_another_image_gives_another_score(tiny):
    if not tiny.model.sees_images:
        pytest.skip("a language model")
    assert equivalence.effect_of_the_image(tiny) > 1e-3


def test_every_known_family_is_held_by_this_suite_and_the_named_ones_are_known():
    assert set(FAMILIES) == set(KNOWN)
    assert set(NAMED.split()) <= set(KNOWN)


def test_every_family_with_a_checkpoint_is_known_refused_or_cannot_be_held():
    assert build.BUILDERS.keys() <= KNOWN.keys() | REFUSED.keys() | build.CANNOT.keys()


def test_the_page_of_families_lists_what_is_known_and_what_is_refused():
    page = (Path(__file__).parents[2] / "docs/families.md").read_text()
    listed = re.findall(r"^\| ([\w.-]+) \|", page, re.MULTILINE)
    assert {*listed} - {"family"} == {*KNOWN, *REFUSED, *build.CANNOT}
    assert "**" not in page


@pytest.mark.parametrize("name", sorted(build.BUILDERS.keys() & REFUSED.keys()))
def test_a_family_that_would_be_scored_wrongly_is_refused(name, tmp_path):
    build.save(name, tmp_path)
    with pytest.raises(Refused, match=f"'{name}' is "):
        load(tmp_path)


@pytest.mark.parametrize("name", build.ENCODER_DECODERS)
def test_an_encoder_decoder_is_refused_and_never_scored(name, tmp_path):
    build.save(name, tmp_path)
    with pytest.raises(Refused, match="encoder-decoder"):
        load(tmp_path)
