"""Families from before chat templates: the image stands before the text, or beside it."""

import json
import re

import transformers as T
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors

from families.common import (
    BOS,
    END,
    HEADS,
    HIDDEN,
    INIT,
    LAYERS,
    NORMALIZE,
    PAD,
    PATCH,
    SIDE,
    text,
    tokenizer,
    vision,
)

SQUARE = {"height": SIDE, "width": SIDE}
DECODER = {
    "hidden_size": HIDDEN,
    "intermediate_size": 2 * HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 512,
    "pad_token_id": PAD,
    "bos_token_id": BOS,
    "eos_token_id": END,
    "initializer_range": INIT,
}


def fuyu_tokenizer():
    """A tokenizer whose image tokens are words and whose texts all begin with a blank.

    Both come from sentencepiece; Fuyu's processor cuts off that blank.
    """
    words = ["|SPEAKER|", "|NEWLINE|", *(f"<0x0{i}>" for i in range(5))]
    state = json.loads(tokenizer(words).backend_tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if t["content"] not in words]
    state["model"]["ignore_merges"] = True
    backend = Tokenizer.from_str(json.dumps(state))
    backend.normalizer = normalizers.Prepend(" ")
    split = pre_tokenizers.Split(Regex("|".join(map(re.escape, words))), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    return T.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="<|im_end|>"
    )


def fuyu():
    tokens = fuyu_tokenizer()
    patch = {"height": PATCH, "width": PATCH}
    side = {"height": 2 * SIDE, "width": 3 * SIDE}
    processor = T.FuyuProcessor(T.FuyuImageProcessor(size=side, patch_size=patch), tokens)
    config = T.FuyuConfig(
        image_size=2 * SIDE,
        patch_size=PATCH,
        image_token_id=tokens.convert_tokens_to_ids("|SPEAKER|"),
        text_config=text("persimmon", tokens),
        initializer_range=INIT,
        tie_word_embeddings=True,
    )
    return T.FuyuForCausalLM(config), processor


def framed_tokenizer():
    """A tokenizer that puts a text between <s> and </s>, as BERT's does with [CLS] and [SEP]."""
    tokens = tokenizer()
    ends = [(token, tokens.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    tokens.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=ends
    )
    return tokens


def git():
    tokens = framed_tokenizer()
    processor = T.GitProcessor(
        T.CLIPImageProcessor(size=SQUARE, do_center_crop=False, **NORMALIZE), tokens
    )
    config = T.GitConfig(
        vision_config=vision(),
        vocab_size=len(tokens),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        tie_word_embeddings=True,
        **DECODER,
    )
    return T.GitForCausalLM(config), processor


def blip():
    tokens = framed_tokenizer()
    processor = T.BlipProcessor(T.BlipImageProcessor(size=SQUARE, **NORMALIZE), tokens)
    config = T.BlipConfig(
        vision_config=vision(),
        text_config=DECODER | {"vocab_size": len(tokens), "sep_token_id": END},
        initializer_range=INIT,
    )
    return T.BlipForConditionalGeneration(config), processor


def idefics():
    tokens = tokenizer(["<fake_token_around_image>"], image_token="<image>")
    processor = T.IdeficsProcessor(T.IdeficsImageProcessor(image_size=SIDE, **NORMALIZE), tokens)
    config = T.IdeficsConfig(
        vision_config=vision(embed_dim=HIDDEN),
        vocab_size=len(tokens),
        alpha_initializer="ones",  # zeros would keep the image out
        tie_word_embeddings=True,
        **DECODER,
    )
    return T.IdeficsForVisionText2Text(config), processor


BUILDERS = {
    "fuyu": fuyu,
    "git": git,
    "blip": blip,
    "idefics": idefics,
}
CANNOT = {"kosmos-2.5": "its processor makes 4,096 patches of any image: too slow for a test"}
