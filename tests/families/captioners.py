"""Captioners without chat templates: BLIP-2, InstructBLIP, Kosmos-2; and encoder-decoders."""

import torch
import transformers as T

from families.common import (
    BOS,
    END,
    GRID,
    HEADS,
    HIDDEN,
    INIT,
    LAYERS,
    NORMALIZE,
    PAD,
    SIDE,
    text,
    vision,
)
from families.common import tokenizer as tokenizer_with

N_QUERIES = 8
SQUARE = {"size": {"height": SIDE, "width": SIDE}} | NORMALIZE
SPECIAL_IDS = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": END}


def _bos_tokenizer(**more):
    """A tokenizer that begins every text with BOS."""
    tokenizer = tokenizer_with(**more)
    tokenizer.add_bos_token = True
    return tokenizer


def _opt(tokenizer):
    return text("opt", tokenizer, ffn_dim=2 * HIDDEN, word_embed_proj_dim=HIDDEN, init_std=INIT)


def _t5(tokenizer):
    return {
        "model_type": "t5",
        "vocab_size": len(tokenizer),
        "d_model": HIDDEN,
        "d_kv": HIDDEN // HEADS,
        "d_ff": 2 * HIDDEN,
        "num_layers": LAYERS,
        "num_heads": HEADS,
        "decoder_start_token_id": PAD,
        "pad_token_id": PAD,
        "eos_token_id": END,
    }


def _blip(network_class, processor_class, decoder, *qformer_tokenizer):
    """BLIP-2 or InstructBLIP with the text model that `decoder` describes.

    The tokenizer has no `image_token` of its own: the processor adds "<image>" to it.
    """
    tokenizer = _bos_tokenizer()
    processor = processor_class(
        T.BlipImageProcessor(**SQUARE), tokenizer, *qformer_tokenizer, num_query_tokens=N_QUERIES
    )
    qformer = vision(vocab_size=len(tokenizer), encoder_hidden_size=HIDDEN)
    config = network_class.config_class(
        vision_config=vision(),
        qformer_config=qformer,
        text_config=decoder(tokenizer),
        num_query_tokens=N_QUERIES,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        initializer_range=INIT,
    )
    network = network_class(config)
    torch.nn.init.normal_(network.query_tokens, std=INIT)  # all zero otherwise: one query
    return network, processor


def blip_2():
    return _blip(T.Blip2ForConditionalGeneration, T.Blip2Processor, _opt)


def instructblip():
    return _blip(
        T.InstructBlipForConditionalGeneration, T.InstructBlipProcessor, _opt, tokenizer_with()
    )


def kosmos_2():
    tokenizer = tokenizer_with(specials=["<unk>"])
    tokenizer.unk_token = "<unk>"  # the ids behind it stand for the image
    images = T.CLIPImageProcessor(do_center_crop=False, **SQUARE)
    processor = T.Kosmos2Processor(images, tokenizer, num_patch_index_tokens=GRID**2)
    config = T.Kosmos2Config(
        vision_config=vision(initializer_factor=4.0),
        text_config={
            "vocab_size": len(tokenizer),
            "embed_dim": HIDDEN,
            "layers": LAYERS,
            "ffn_dim": 2 * HIDDEN,
            "attention_heads": HEADS,
            "max_position_embeddings": 512,
            "init_std": INIT,
            **SPECIAL_IDS,
        },
        latent_query_num=64,  # what the processor writes unless it is told otherwise in each call
    )
    return T.Kosmos2ForConditionalGeneration(config), processor


def blip_2_t5():
    return _blip(T.Blip2ForConditionalGeneration, T.Blip2Processor, _t5)


def florence2():
    tokenizer = tokenizer_with(image_token="<image>")
    images = T.CLIPImageProcessor(do_center_crop=False, **SQUARE)
    images.image_seq_length = (SIDE // 8) ** 2 + 1
    config = T.Florence2Config(
        # Two stages, which scale an image down by four and by two.
        vision_config={
            "depths": [1, 1],
            "patch_size": [7, 3],
            "patch_stride": [4, 2],
            "patch_padding": [3, 1],
            "patch_prenorm": [False, True],
            "embed_dim": [HIDDEN // 2, HIDDEN],
            "num_heads": [HEADS, HEADS],
            "num_groups": [HEADS, HEADS],
            "window_size": 4,
            "projection_dim": HIDDEN,
            "initializer_range": INIT,
        },
        text_config={
            "model_type": "bart",
            "vocab_size": len(tokenizer),
            "d_model": HIDDEN,
            "max_position_embeddings": 512,
            "init_std": INIT,
            "decoder_start_token_id": END,
            "forced_eos_token_id": END,
            **{f"{part}_layers": LAYERS for part in ("encoder", "decoder")},
            **{f"{part}_attention_heads": HEADS for part in ("encoder", "decoder")},
            **{f"{part}_ffn_dim": 2 * HIDDEN for part in ("encoder", "decoder")},
            **SPECIAL_IDS,
        },
        image_token_id=tokenizer.image_token_id,
    )
    return T.Florence2ForConditionalGeneration(config), T.Florence2Processor(images, tokenizer)


BUILDERS = {"blip-2": blip_2, "instructblip": instructblip, "kosmos-2": kosmos_2}

# What the engine must refuse: their text enters through an encoder.
ENCODER_DECODERS = {"blip-2-t5": blip_2_t5, "florence2": florence2}
