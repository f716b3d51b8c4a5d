"""What the tiny checkpoints of all families share: sizes, a tokenizer, configs of their parts."""

from functools import cache

import transformers as T

from modelmap.zoo.architectures import train_tokenizer

SIDE, PATCH, HIDDEN, LAYERS, HEADS = 32, 8, 64, 2, 4
GRID = SIDE // PATCH
NORMALIZE = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
PAD, BOS, END = 0, 1, 4  # as zoo.architectures orders its common tokens
INIT = 0.08  # wider than the usual 0.02: scores of random weights then depend on what they see

TEXTS = [
    "user\nassistant\nDescribe the image.",
    "a red circle",
    "There are two blue squares.",
    "A small green triangle is placed at the top left of a gray background.",
]


@cache
def _backend(specials):
    return train_tokenizer(TEXTS * 20, n_merges=60, specials=list(specials))


def tokenizer(specials=(), **named):
    """A byte-level BPE tokenizer.

    Parameters
    ----------
    specials : special tokens without a role
    named : special tokens by the role that a family's processor asks for, such as
        ``image_token="<image>"``
    """
    backend = _backend(tuple(dict.fromkeys([*named.values(), *specials])))
    return T.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<|im_end|>",
        extra_special_tokens=named,
        padding_side="right",
        model_max_length=4096,
    )


def text(kind, tokenizer, **more):
    """The config of a decoder of `kind`."""
    return {
        "model_type": kind,
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": END,
        "tie_word_embeddings": True,
        "initializer_range": INIT,
        **more,
    }


def vision(kind=None, **more):
    """The config of a vision transformer of `kind`."""
    return ({"model_type": kind} if kind else {}) | {
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "image_size": SIDE,
        "patch_size": PATCH,
        "initializer_range": INIT,
        **more,
    }
