"""Checkpoints to compare ways of scoring on: LLaVA-like, with random weights."""

from dataclasses import dataclass

import torch
import transformers as T

from benchmarks.pairs import PROMPT, captions
from modelmap.zoo.architectures import NORMALIZE, chat_template, train_tokenizer

IMAGE = "<image>"
INIT = 0.05  # wider than the usual 0.02: scores then depend on the image
N_MERGES = 1000  # every word of the captions is a token of its own


@dataclass(frozen=True)
class Size:
    """How large a checkpoint is: of its decoder, of its vision tower, of its images.

    vocabulary : rows of the embedding, many more than the tokenizer has tokens
    image : (width, height) of the images to score with it
    tied : whether the head's weights are the embedding's
    """

    name: str
    vocabulary: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    vision_hidden: int
    vision_layers: int
    side: int
    patch: int
    image: tuple
    tied: bool = True

    @property
    def n_image_tokens(self):
        """Tokens that stand for an image."""
        return (self.side // self.patch) ** 2


# About as many parameters either way: a head of its own leaves less for the layers.
MID = Size("mid-size", 50_000, 512, 1536, 3, 8, 192, 4, 224, 14, image=(640, 480), tied=False)
TIED = Size("mid-size, tied", 50_000, 512, 1536, 8, 8, 384, 6, 224, 14, image=(640, 480))
SMALL = Size("small", 8_000, 192, 512, 6, 6, 160, 4, side=48, patch=8, image=(96, 72))


def tokenizer(specials=(), **named):
    """A byte-level tokenizer for the captions.

    Parameters
    ----------
    specials : special tokens without a role
    named : special tokens by the role that a processor asks for
    """
    texts = [f"user\nassistant\n{PROMPT}", *captions(1000)]
    backend = train_tokenizer(texts, n_merges=N_MERGES, specials=[*named.values(), *specials])
    return T.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<|im_end|>",
        extra_special_tokens=named,
        padding_side="right",
        model_max_length=1_000_000,
    )


def save(size, folder):
    """Write a checkpoint of this size to `folder`; returns its number of parameters."""
    torch.manual_seed(0)
    tokens = tokenizer(image_token=IMAGE)
    network = T.LlavaForConditionalGeneration(_config(size, tokens))
    network.save_pretrained(folder)
    _processor(size, tokens).save_pretrained(folder)
    return network.num_parameters()


def _processor(size, tokens):
    square = {"height": size.side, "width": size.side}
    images = T.CLIPImageProcessor(size=square, crop_size=square, do_center_crop=False, **NORMALIZE)
    return T.LlavaProcessor(
        images,
        tokens,
        patch_size=size.patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template(IMAGE),
    )


def _config(size, tokens):
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": size.vision_hidden,
        "intermediate_size": 4 * size.vision_hidden,
        "num_hidden_layers": size.vision_layers,
        "num_attention_heads": size.vision_hidden // 32,
        "image_size": size.side,
        "patch_size": size.patch,
        "projection_dim": size.vision_hidden,
        "initializer_range": INIT,
    }
    text = {
        "model_type": "llama",
        "vocab_size": size.vocabulary,
        "hidden_size": size.hidden,
        "intermediate_size": size.intermediate,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads,
        "max_position_embeddings": 2048,
        "pad_token_id": tokens.pad_token_id,
        "bos_token_id": tokens.bos_token_id,
        "eos_token_id": tokens.eos_token_id,
        "initializer_range": INIT,
        "tie_word_embeddings": size.tied,
    }
    return T.LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokens.image_token_id,
        image_seq_length=size.n_image_tokens,
        vision_feature_layer=-1,
        tie_word_embeddings=size.tied,
    )
