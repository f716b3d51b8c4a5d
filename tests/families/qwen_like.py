"""Packed-patch vision towers with M-RoPE: Qwen2-VL and what came of it, GLM-4V."""

from tempfile import TemporaryDirectory

import transformers as T

from families.common import GRID, HEADS, HIDDEN, LAYERS, NORMALIZE, PATCH, SIDE, text, vision
from families.common import tokenizer as tokenizer_with
from modelmap.zoo.architectures import chat_template

HEAD_DIM = HIDDEN // HEADS
MERGE = 2
TEMPORAL = 2
MAX_PIXELS = (2 * SIDE) ** 2  # four (an image of 32 x 32) to sixteen tokens

QWEN_TOKENS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}
GLM_TOKENS = {
    "image_token": "<|image|>",
    "video_token": "<|video|>",
    "image_start_token": "<|begin_of_image|>",
    "image_end_token": "<|end_of_image|>",
    "video_start_token": "<|begin_of_video|>",
    "video_end_token": "<|end_of_video|>",
}


def ids(tokenizer, roles):
    """The ids of special tokens by the names that configs give them."""
    return {f"{role}_id": getattr(tokenizer, f"{role}_id") for role in roles}


def _own_tokenizer(tokenizer_class):
    """A tokenizer of Qwen's class, which splits words in its own way and has no BOS."""
    with TemporaryDirectory() as folder:
        tokenizer_with(specials=["<|endoftext|>"], **QWEN_TOKENS).save_pretrained(folder)
        return tokenizer_class.from_pretrained(folder, bos_token=None)


def _patches(**more):
    return vision(
        depth=LAYERS,
        num_heads=HEADS,
        out_hidden_size=HIDDEN,
        spatial_merge_size=MERGE,
        temporal_patch_size=TEMPORAL,
        **more,
    )


def rope(*sections, **more):
    """M-RoPE whose rotary dimensions are shared out to time, height and width by `sections`."""
    parameters = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": list(sections)}
    return {"rope_parameters": parameters | more}


def linear_text(tokenizer, **more):
    """The config of Qwen3.5's decoder: layers of linear attention before one of full attention."""
    return text(
        "qwen3_5_text",
        tokenizer,
        head_dim=HEAD_DIM,
        layer_types=["linear_attention"] * LAYERS + ["full_attention"],
        num_hidden_layers=LAYERS + 1,
        linear_num_key_heads=2,
        linear_num_value_heads=HEADS,
        linear_key_head_dim=HEAD_DIM,
        linear_value_head_dim=HEAD_DIM,
        **more,
    )


def _images(processor_class, max_pixels=MAX_PIXELS):
    return processor_class(
        size={"shortest_edge": (MERGE * PATCH) ** 2, "longest_edge": max_pixels},
        patch_size=PATCH,
        merge_size=MERGE,
        temporal_patch_size=TEMPORAL,
        **NORMALIZE,
    )


def _network(network_class, tokenizer, roles, vision_config, text_config):
    config = network_class.config_class(
        vision_config=vision_config,
        text_config=text_config,
        tie_word_embeddings=True,
        **ids(tokenizer, roles),
    )
    return network_class(config)


def _qwen(processor_class, video_class, tokenizer_class=T.Qwen2Tokenizer):
    tokenizer = _own_tokenizer(tokenizer_class)
    return tokenizer, processor_class(
        _images(T.Qwen2VLImageProcessor),
        tokenizer,
        video_class(patch_size=PATCH),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )


def qwen2_vl():
    tokenizer, processor = _qwen(T.Qwen2VLProcessor, T.Qwen2VLVideoProcessor)
    network = _network(
        T.Qwen2VLForConditionalGeneration,
        tokenizer,
        QWEN_TOKENS,
        _patches(embed_dim=HIDDEN, mlp_ratio=2),
        text("qwen2_vl_text", tokenizer, **rope(2, 3, 3)),
    )
    return network, processor


def qwen2_5_vl():
    tokenizer, processor = _qwen(T.Qwen2_5_VLProcessor, T.Qwen2VLVideoProcessor)
    network = _network(
        T.Qwen2_5_VLForConditionalGeneration,
        tokenizer,
        QWEN_TOKENS,
        # Windows of 4 x 4 patches in all layers but the last, which sees the whole image.
        _patches(window_size=SIDE, fullatt_block_indexes=[LAYERS - 1]),
        text("qwen2_5_vl_text", tokenizer, **rope(2, 3, 3)),
    )
    return network, processor


def qwen3_vl():
    tokenizer, processor = _qwen(T.Qwen3VLProcessor, T.Qwen3VLVideoProcessor)
    network = _network(
        T.Qwen3VLForConditionalGeneration,
        tokenizer,
        QWEN_TOKENS,
        _patches(num_position_embeddings=GRID**2, deepstack_visual_indexes=[0]),
        text("qwen3_vl_text", tokenizer, head_dim=HEAD_DIM, **rope(3, 3, 2)),
    )
    return network, processor


def qwen3_5():
    # AutoTokenizer takes this class whatever the checkpoint names.
    tokenizer, processor = _qwen(T.Qwen3VLProcessor, T.Qwen3VLVideoProcessor, T.Qwen3_5Tokenizer)
    network = _network(
        T.Qwen3_5ForConditionalGeneration,
        tokenizer,
        QWEN_TOKENS,
        _patches(num_position_embeddings=GRID**2),
        linear_text(tokenizer, **rope(2, 1, 1, partial_rotary_factor=0.5)),
    )
    return network, processor


def glm4v():
    tokenizer = tokenizer_with(**GLM_TOKENS)
    processor = T.Glm4vProcessor(
        # Pixels are counted once for each of the frames that an image is repeated to.
        _images(T.Glm4vImageProcessor, max_pixels=TEMPORAL * MAX_PIXELS),
        tokenizer,
        T.Glm4vVideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|begin_of_image|><|image|><|end_of_image|>"),
    )
    network = _network(
        T.Glm4vForConditionalGeneration,
        tokenizer,
        GLM_TOKENS,
        _patches(),
        text("glm4v_text", tokenizer, **rope(2, 1, 1, partial_rotary_factor=0.5)),
    )
    return network, processor


BUILDERS = {
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "qwen3_5": qwen3_5,
    "glm4v": glm4v,
}
