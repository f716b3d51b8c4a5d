"""The tokenizer of an `internvl_chat` checkpoint as a native fast one, with the same ids.

Qwen's and other byte-level tokenizers are read as they stand. InternLM2's wants code of its own
around a sentencepiece model; here that model is rebuilt as byte-pair merges and then compared with
sentencepiece itself. As in InternLM2's own (slow) tokenizer, text is cut at the added tokens first,
and every piece between them is encoded by itself.
"""

import json
import re
from pathlib import Path

import sentencepiece
import transformers as T
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers.convert_slow_tokenizer import generate_merges

from modelmap.models.model import Refused

# What the processor asks for, by role. A token for videos must be named too; a new one would have
# no row in the embedding, so it is one that every InternVL has and no prompt holds.
ROLES = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "</quad>",
}
END_OF_TURN = "<|im_end|>"
# Of InternLM2's and Llama's tokenizers, where tokenizer_config.json does not say
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}
BYTE_LEVEL = ("vocab.json", "merges.txt")

# Types of pieces, and of models, in sentencepiece_model.proto
NORMAL, USER_DEFINED, BYTE = 1, 4, 6
BYTE_PAIRS = 2
# What a rebuilt tokenizer must encode as sentencepiece does
PROBES = [
    "Describe the image.",
    "A small green triangle, 3.14 cm wide, is placed at the top-left of a gray background!",
    "user\nWhat is it?\n\n\nassistant\nIt's a dog; the dog's 12345 years old.",
    "def f(x):\n    if x > 0:\n\t\treturn [x ** 2, 'a b']  # why?\n",
    "  two  blanks   and a tab\tat the end \n",
    "请描述这张图片。英文名是InternVL，２０２４年——「红色」的圆……",
    "Ünïcödé, русский текст, العربية, 日本語のキャプション, 한국어 🙂🚀 ﬁ①Ａ",
    '<div class="x">&amp;</div> [UNUSED_TOKEN_0] <0x41> https://a.b/c?d=e_f%20g',
]


def read(folder):
    """Read the tokenizer in checkpoint folder `folder` as a TokenizersBackend.

    Raises
    ------
    Refused
        If it is of another kind, its files are missing or broken, or ids differ.
    """
    folder = Path(folder)
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        added = {int(i): t for i, t in settings.get("added_tokens_decoder", {}).items()}
        contents = {i: token["content"] for i, token in added.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        reason = f"{folder}/tokenizer_config.json cannot be read: {type(error).__name__}: {error}"
        raise Refused(reason, "corrupt") from error
    if lacking := {*ROLES.values(), END_OF_TURN} - {*contents.values()}:
        names = ", ".join(sorted(lacking))
        reason = f"{folder}/tokenizer_config.json: added_tokens_decoder lacks {names}"
        raise Refused(reason, "corrupt")
    tokenizer = _read(folder, settings, added)
    tokenizer.chat_template = None  # the processor has its own
    tokenizer.init_kwargs.pop("auto_map", None)  # names of code, which nobody is to run
    moved = [t for i, t in contents.items() if tokenizer.convert_tokens_to_ids(t) != i]
    if moved:
        reason = f"{folder}: {len(moved)} added tokens get other ids: {', '.join(moved[:5])}"
        raise Refused(reason, "corrupt")
    return tokenizer


def _read(folder, settings, added):
    kind = str(settings.get("tokenizer_class"))
    there = {path.name for path in folder.iterdir()}
    # A LlamaTokenizer that is not `legacy` puts no blank before the text behind an added token.
    old_llama = kind == "LlamaTokenizer" and settings.get("legacy") is not False
    try:
        if "tokenizer.model" in there and (kind == "InternLM2Tokenizer" or old_llama):
            return _rebuilt(folder / "tokenizer.model", settings, added)
        if kind.startswith("Qwen2") and (there.issuperset(BYTE_LEVEL) or "tokenizer.json" in there):
            return T.Qwen2Tokenizer.from_pretrained(folder, local_files_only=True, **ROLES)
        if "tokenizer.json" in there:
            return T.PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True, **ROLES)
    except Refused:
        raise
    except Exception as error:  # whatever broken files raise
        reason = f"{folder}: its tokenizer cannot be read: {type(error).__name__}: {error}"
        raise Refused(reason, "corrupt") from error
    raise Refused(
        f"{folder}: its tokenizer is a {kind}; what can be read is a Qwen2Tokenizer "
        f"({', '.join(BYTE_LEVEL)}), an InternLM2Tokenizer (tokenizer.model) or a tokenizer.json"
    )


def _rebuilt(path, settings, added):
    """The tokenizer around the sentencepiece model in file `path`."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tokens = {i: AddedToken(**token) for i, token in sorted(added.items())}
    backend = _backend(path, pieces, {i: token.content for i, token in tokens.items()})
    for probe in PROBES:
        if backend.encode(probe, add_special_tokens=False).ids != pieces.encode(probe):
            raise Refused(f"{path} encodes {probe!r} otherwise than byte-pair merges made of it")
    backend.add_tokens(list(tokens.values()))
    special = SPECIAL | {key: settings[key] for key in SPECIAL if settings.get(key)}
    return T.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        add_bos_token=settings.get("add_bos_token", True),
        add_eos_token=settings.get("add_eos_token", False),
        extra_special_tokens=[*map(_content, settings.get("additional_special_tokens") or [])],
        model_max_length=settings.get("model_max_length"),
        **{key: _content(token) for key, token in special.items()},
        **ROLES,
    )


def _content(token):
    return token["content"] if isinstance(token, dict) else token


def _backend(path, pieces, added):
    """A sentencepiece model as byte-pair merges; ids of `added` tokens go to them."""
    names = [added.get(i, pieces.id_to_piece(i)) for i in range(len(pieces))]
    types = _types(path, pieces.serialized_model_proto())
    vocabulary = {name: i for i, name in enumerate(names)} | {t: i for i, t in added.items()}
    kept = {i: name for i, name in enumerate(names) if vocabulary[name] == i and i not in added}
    scores = {name: pieces.get_score(i) for i, name in kept.items() if types[i] == NORMAL}
    whole = [name for i, name in kept.items() if types[i] == USER_DEFINED]
    tokenizer = Tokenizer(
        models.BPE(
            vocabulary,
            generate_merges({name: vocabulary[name] for name in scores}, scores),
            unk_token=pieces.id_to_piece(pieces.unk_id()),
            fuse_unk=True,
            byte_fallback=BYTE in types,
            ignore_merges=bool(whole),
        )
    )
    begins = _prefix(path, pieces)
    prefix = [normalizers.Prepend("▁")] if begins else []
    tokenizer.normalizer = normalizers.Sequence([*prefix, normalizers.Replace(" ", "▁")])
    if whole:  # found before anything is merged, the longest first
        longest = "|".join(map(re.escape, sorted(whole, key=len, reverse=True)))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(longest), "isolated")
    strip = [decoders.Strip(" ", left=1)] if begins else []
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def _prefix(path, pieces):
    """Whether text is put behind a blank; Refused if it is changed in any other way."""
    text = " a  ﬁ①Ａ\t\n "
    marked = text.replace(" ", "▁")
    found = pieces.normalize(text)
    if found not in (marked, "▁" + marked):
        raise Refused(f"{path} normalizes text, which no InternLM2Tokenizer does: {found!r}")
    return found != marked


def _types(path, model):
    """The types of all pieces of a serialized sentencepiece model, in order of their ids."""
    fields = list(_fields(model))
    trainer = dict(_fields(dict(fields).get(2, b"")))
    if trainer.get(3) != BYTE_PAIRS:
        raise Refused(f"{path} is no model of byte pairs, which every InternLM2Tokenizer's is")
    return [dict(_fields(value)).get(3, NORMAL) for field, value in fields if field == 1]


def _fields(message):
    """Fields of a protobuf message: (number, value), of numbers and of bytes."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        field, wire = divmod(number(), 8)
        if wire == 0:
            yield field, number()
            continue
        size = number() if wire == 2 else {1: 8, 5: 4}[wire]
        at += size
        yield field, message[at - size : at]
