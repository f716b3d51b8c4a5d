"""Tokens of an InternVL checkpoint: the same ids as by its own tokenizer, and no others."""

import json
import random
import re

import pytest
from families import internvl_chat_layout as layout

from modelmap.models import internvl_tokenizer
from modelmap.models.model import Refused


@pytest.mark.parametrize("json_too", [False, True], ids=["vocab.json", "tokenizer.json"])
def test_byte_level_tokens_keep_their_ids_and_none_is_added(tmp_path, json_too):
    added = layout.save_byte_level_tokenizer(tmp_path, json_too=json_too)
    if json_too:
        vocabulary = json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"]
    else:
        vocabulary = json.loads((tmp_path / "vocab.json").read_text())
    tokenizer = internvl_tokenizer.read(tmp_path)
    assert tokenizer.get_vocab() == vocabulary | {token: i for i, token in added.items()}
    assert {*added} == {*tokenizer.added_tokens_decoder}
    for role, token in internvl_tokenizer.ROLES.items():
        assert getattr(tokenizer, role) == token
        assert tokenizer(token)["input_ids"] == [tokenizer.convert_tokens_to_ids(token)]
    # no video is ever shown, and what stands for one in other checkpoints is text like any other
    assert len(tokenizer("<video>")["input_ids"]) > 1
    tokenizer.save_pretrained(tmp_path / "saved")
    saved = (tmp_path / "saved/tokenizer_config.json").read_text()
    assert "auto_map" not in saved
    assert "not this one" not in saved


def slow(pieces, added, text):
    """What InternLM2's own tokenizer does: `<s>`, added tokens, and each text between them."""
    ids = {token: i for i, token in added.items()}
    parts = re.split("(" + "|".join(map(re.escape, ids)) + ")", text)
    encoded = [[ids[part]] if part in ids else pieces.encode(part) for part in parts if part]
    return [1, *(i for part in encoded for i in part)]


@pytest.mark.parametrize("dummy_prefix", [False, True])
def test_internlm2_tokens_are_those_of_its_own_slow_tokenizer(tmp_path, dummy_prefix):
    pieces, added = layout.save_internlm2_tokenizer(tmp_path, dummy_prefix=dummy_prefix)
    tokenizer = internvl_tokenizer.read(tmp_path)
    words = ["\t\n12２——Ａé漢🙂", "▁", " ", "  ", "\n\n\n", "[UNUSED_TOKEN_0]", *added.values()]
    words += [
        pieces.id_to_piece(i).replace("▁", " ")
        for i in range(len(pieces))
        if not pieces.is_byte(i) and i not in added
    ]
    chosen = random.Random(0)
    texts = [between.join(chosen.choices(words, k=9)) for between in ("", " ") for _ in range(300)]
    for text in [*layout.CORPUS, *texts]:
        assert tokenizer(text)["input_ids"] == slow(pieces, added, text), text
    assert tokenizer.get_vocab().items() >= {token: i for i, token in added.items()}.items()
    assert sorted(tokenizer.get_vocab().values()) == [*range(max(added) + 1)]


def test_a_llama_tokenizer_is_read_by_the_same_rule_where_that_is_its_own(tmp_path):
    pieces, added = layout.save_internlm2_tokenizer(tmp_path, dummy_prefix=True)
    edit(tmp_path, tokenizer_class="LlamaTokenizer", add_bos_token=False, legacy=True)
    tokenizer = internvl_tokenizer.read(tmp_path)
    text = "a red<|im_end|>circle"
    assert tokenizer(text)["input_ids"] == slow(pieces, added, text)[1:]
    edit(tmp_path, legacy=False)
    with pytest.raises(Refused, match="is a LlamaTokenizer; what can be read is"):
        internvl_tokenizer.read(tmp_path)


def edit(folder, **changes):
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_tokenizer_that_sentencepiece_contradicts_is_refused(tmp_path, monkeypatch):
    layout.save_internlm2_tokenizer(tmp_path)
    monkeypatch.setattr(internvl_tokenizer, "generate_merges", lambda vocabulary, scores: [])
    with pytest.raises(Refused, match="otherwise than byte-pair merges"):
        internvl_tokenizer.read(tmp_path)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"normalization_rule_name": "nmt_nfkc"}, "normalizes text"),
        ({"remove_extra_whitespaces": True}, "normalizes text"),
        ({"model_type": "unigram", "vocab_size": 335}, "is no model of byte pairs"),
    ],
)
def test_a_sentencepiece_model_of_another_kind_is_refused(tmp_path, options, why):
    layout.save_internlm2_tokenizer(tmp_path, **options)
    with pytest.raises(Refused, match=why):
        internvl_tokenizer.read(tmp_path)


def test_a_tokenizer_that_is_not_whole_is_refused(tmp_path):
    layout.save_byte_level_tokenizer(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    settings = json.loads(file.read_text())

    def refused(why):
        with pytest.raises(Refused, match=why):
            internvl_tokenizer.read(tmp_path)

    (tmp_path / "merges.txt").rename(tmp_path / "merges")
    refused("its tokenizer is a Qwen2Tokenizer; what can be read is")
    (tmp_path / "merges").rename(tmp_path / "merges.txt")
    (tmp_path / "vocab.json").write_text("{")
    refused("its tokenizer cannot be read")
    layout.save_byte_level_tokenizer(tmp_path)
    added = settings["added_tokens_decoder"].items()
    edit(tmp_path, added_tokens_decoder={str(int(i) + 1): token for i, token in added})
    refused(r"12 added tokens get other ids: <\|endoftext\|>, ")
    file.write_text(json.dumps(settings).replace("<img>", "<image>"))
    refused("added_tokens_decoder lacks <img>")
    file.write_text("[")
    refused("tokenizer_config.json cannot be read")
