"""Tiny checkpoints of the families whose tiles are concatenated over the images of a batch."""

import torch
import transformers as T

from families.common import GRID, HIDDEN, INIT, NORMALIZE, PATCH, SIDE, text, tokenizer, vision
from families.llava_like import SQUARE, siglip
from modelmap.zoo.architectures import chat_template

TILES = {"size": SQUARE, "min_patches": 1, "max_patches": 4} | NORMALIZE
MERGE = 2  # image features are merged in squares of 2 x 2


def internvl():
    tokens = tokenizer(
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    n_image_tokens = (GRID // MERGE) ** 2
    processor = T.InternVLProcessor(
        T.GotOcr2ImageProcessor(crop_to_patches=True, **TILES),
        tokens,
        T.InternVLVideoProcessor(size=SQUARE),
        image_seq_length=n_image_tokens,
        chat_template=chat_template("<IMG_CONTEXT>\n"),
    )
    config = T.InternVLConfig(
        vision_config=vision(),
        text_config=text("qwen2", tokens),
        image_token_id=tokens.context_image_token_id,
        image_seq_length=n_image_tokens,
        downsample_ratio=1 / MERGE,
    )
    network = T.InternVLForConditionalGeneration(config)
    # Zero by default: the places of the patches would not matter.
    torch.nn.init.normal_(network.model.vision_tower.embeddings.position_embeddings, std=INIT)
    return network, processor


def _cohere2(tokens):
    layers = ["sliding_attention", "full_attention"]
    return text("cohere2", tokens, layer_types=layers, sliding_window=512)


def aya_vision():
    places = ["TILE_GLOBAL", *(f"TILE_{i}" for i in range(1, 10))]
    marks = ["<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>"]
    tokens = tokenizer(["<image>", *marks, *places])
    processor = T.AyaVisionProcessor(
        T.GotOcr2ImageProcessor(crop_to_patches=True, **TILES),
        tokens,
        patch_size=PATCH,
        img_size=SIDE,
        downsample_factor=MERGE,
        chat_template=chat_template("<image>"),
    )
    config = T.AyaVisionConfig(
        vision_config=siglip(),
        text_config=_cohere2(tokens),
        image_token_index=tokens.convert_tokens_to_ids("<|IMG_PATCH|>"),
        downsample_factor=MERGE,
    )
    return T.AyaVisionForConditionalGeneration(config), processor


def cohere2_vision():
    tokens = tokenizer(
        image_token="<|IMG_PATCH|>",
        boi_token="<|START_OF_IMG|>",
        eoi_token="<|END_OF_IMG|>",
        img_line_break_token="<|IMG_LINE_BREAK|>",
    )
    # Its `patch_size` is a tile's side in image tokens.
    images = T.Cohere2VisionImageProcessor(patch_size=GRID // MERGE, **TILES)
    processor = T.Cohere2VisionProcessor(
        images, tokens, chat_template=chat_template("<|IMG_PATCH|>")
    )
    config = T.Cohere2VisionConfig(
        vision_config=siglip(),
        text_config=_cohere2(tokens),
        image_token_id=tokens.image_token_id,
        downsample_factor=MERGE,
        alignment_intermediate_size=2 * HIDDEN,
    )
    return T.Cohere2VisionForConditionalGeneration(config), processor


def ovis2():
    # The processor writes these by name; only "<image>" stands in the prompt.
    indicators = ["<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>"]
    tokens = tokenizer(["<IMG_ATOM>", *indicators], image_token="<image>")
    processor = T.Ovis2Processor(
        T.Ovis2ImageProcessor(crop_to_patches=True, **TILES),
        tokens,
        image_seq_length=GRID**2,
        chat_template=chat_template("<image>\n"),
    )
    config = T.Ovis2Config(
        vision_config=vision(vocab_size=64, hidden_stride=1),
        text_config=text("qwen2", tokens),
        image_token_id=tokens.convert_tokens_to_ids("<IMG_ATOM>"),
        visual_indicator_token_ids=tokens.convert_tokens_to_ids(indicators),
        vocab_size=len(tokens),
        hidden_size=HIDDEN,
    )
    return T.Ovis2ForConditionalGeneration(config), processor


BUILDERS = {
    "internvl": internvl,
    "aya_vision": aya_vision,
    "cohere2_vision": cohere2_vision,
    "ovis2": ovis2,
}
