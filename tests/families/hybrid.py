"""Decoders with convolutions or linear attention beside full attention: LFM2-VL, MiniCPM-V 4.6."""

import transformers as T

from families.common import GRID, HIDDEN, LAYERS, NORMALIZE, PATCH, SIDE, text, vision
from families.common import tokenizer as tokenizer_with
from families.qwen_like import ids, linear_text
from modelmap.zoo.architectures import chat_template

MAX_TILES = 4


def lfm2_vl():
    places = range(1, MAX_TILES + 1)
    tokenizer = tokenizer_with(
        specials=[f"<|img_row_{row}_col_{column}|>" for row in places for column in places],
        image_token="<image>",
        image_start_token="<|image_start|>",
        image_end_token="<|image_end|>",
        image_thumbnail="<|img_thumbnail|>",
    )
    processor = T.Lfm2VlProcessor(
        # An image of more than eight tokens (twice the four of one tile) is cut into tiles.
        T.Lfm2VlImageProcessor(
            encoder_patch_size=PATCH,
            tile_size=SIDE,
            max_tiles=MAX_TILES,
            min_image_tokens=2,
            max_image_tokens=(GRID // 2) ** 2,
            **NORMALIZE,
        ),
        tokenizer,
        chat_template="{{ bos_token }}" + chat_template("<image>"),
    )
    config = T.Lfm2VlConfig(
        vision_config=vision("siglip2_vision_model", num_patches=GRID**2, vision_use_head=False),
        text_config=text(
            "lfm2",
            tokenizer,
            num_hidden_layers=LAYERS + 1,
            layer_types=["conv", "full_attention", "conv"],
        ),
        image_token_id=tokenizer.image_token_id,
        projector_hidden_size=HIDDEN,
    )
    return T.Lfm2VlForConditionalGeneration(config), processor


def minicpmv4_6():
    tokenizer = tokenizer_with(
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        image_start_token="<image>",
        image_end_token="</image>",
        slice_start_token="<slice>",
        slice_end_token="</slice>",
        image_id_start_token="<image_id>",
        image_id_end_token="</image_id>",
    )
    patch = PATCH // 2  # patches are merged twice: four tokens are left of a slice
    processor = T.MiniCPMV4_6Processor(
        T.MiniCPMV4_6ImageProcessor(
            scale_resolution=SIDE, patch_size=patch, max_slice_nums=MAX_TILES, **NORMALIZE
        ),
        T.MiniCPMV4_6VideoProcessor(),
        tokenizer,
        chat_template=chat_template("<|image_pad|>"),
    )
    config = T.MiniCPMV4_6Config(
        vision_config=vision(patch_size=patch),
        insert_layer_id=0,
        image_size=SIDE,
        text_config=linear_text(tokenizer),
        tie_word_embeddings=True,
        **ids(tokenizer, ["image_token", "video_token"]),
    )
    return T.MiniCPMV4_6ForConditionalGeneration(config), processor


BUILDERS = {"lfm2_vl": lfm2_vl, "minicpmv4_6": minicpmv4_6}
