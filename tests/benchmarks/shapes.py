"""Vision-language models of real shape, with random weights: nothing is downloaded.

The configs are the published ones, in what sets the amount of computation; the image processors
have the published settings. Tokenizers are made up, so that special tokens have other ids, and
texts are about as long as with the real ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import transformers as T

from benchmarks.checkpoints import tokenizer
from modelmap.models import loading
from modelmap.models.families import KNOWN
from modelmap.models.model import Model
from modelmap.zoo.architectures import NORMALIZE, chat_template


@dataclass(frozen=True)
class Shape:
    """A model's config, its processor, and the special tokens that both know.

    tokens : special tokens by the role that the processor asks for
    ids : keys of the config that hold the id of a token, and the token's role
    processor : callable that makes the processor of a tokenizer
    places : further special tokens, without a role
    """

    name: str
    config: dict
    tokens: dict
    ids: dict
    processor: Callable
    places: tuple = ()


def _clip_processor(tokens):
    images = T.CLIPImageProcessor(
        size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}
    )
    return T.LlavaProcessor(
        images,
        tokens,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template("<image>"),
    )


def _qwen_processor(tokens):
    images = T.Qwen2VLImageProcessor(
        size={"shortest_edge": 56**2, "longest_edge": 16384 * 28**2},
        patch_size=14,
        merge_size=2,
        temporal_patch_size=2,
    )
    return T.Qwen2_5_VLProcessor(
        images,
        tokens,
        T.Qwen2VLVideoProcessor(),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )


def _gemma_processor(tokens):
    images = T.Gemma3ImageProcessor(size={"height": 896, "width": 896}, **NORMALIZE)
    return T.Gemma3Processor(
        images, tokens, image_seq_length=256, chat_template=chat_template("<start_of_image>")
    )


def _idefics_processor(tokens):
    images = T.Idefics3ImageProcessor(
        size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}, **NORMALIZE
    )
    return T.Idefics3Processor(
        images, tokens, image_seq_len=64, chat_template=chat_template("<image>")
    )


def _internvl_processor(tokens):
    square = {"height": 448, "width": 448}
    images = T.GotOcr2ImageProcessor(
        size=square, crop_to_patches=True, min_patches=1, max_patches=12
    )
    return T.InternVLProcessor(
        images,
        tokens,
        T.InternVLVideoProcessor(size=square),
        image_seq_length=256,
        chat_template=chat_template("<IMG_CONTEXT>\n"),
    )


QWEN_TOKENS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}


def _qwen(name, text):
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    config = {
        "model_type": "qwen2_5_vl",
        "tie_word_embeddings": text["hidden_size"] == 2048,
        "text_config": {
            "model_type": "qwen2_5_vl_text",
            "max_position_embeddings": 128_000,
            "rms_norm_eps": 1e-6,
            "rope_parameters": rope,
            **text,
        },
        "vision_config": {
            "depth": 32,
            "hidden_size": 1280,
            "intermediate_size": 3420,
            "num_heads": 16,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [7, 15, 23, 31],
            "out_hidden_size": text["hidden_size"],
        },
    }
    ids = {f"{role}_id": role for role in QWEN_TOKENS}
    return Shape(name, config, QWEN_TOKENS, ids, _qwen_processor)


QWEN_3B = _qwen(
    "Qwen2.5-VL-3B",
    {
        "vocab_size": 151_936,
        "hidden_size": 2048,
        "intermediate_size": 11_008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
    },
)

QWEN_7B = _qwen(
    "Qwen2.5-VL-7B",
    {
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
)

LLAVA_7B = Shape(
    "LLaVA-1.5-7B",
    {
        "model_type": "llava",
        "image_seq_length": 576,
        "vision_feature_layer": -2,
        "tie_word_embeddings": False,
        "text_config": {
            "model_type": "llama",
            "vocab_size": 32_064,
            "hidden_size": 4096,
            "intermediate_size": 11_008,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 32,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-5,
        },
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "image_size": 336,
            "patch_size": 14,
            "projection_dim": 768,
        },
    },
    {"image_token": "<image>"},
    {"image_token_index": "image_token"},
    _clip_processor,
)

GEMMA3_12B = Shape(
    "Gemma3-12B",
    {
        "model_type": "gemma3",
        "mm_tokens_per_image": 256,
        "text_config": {
            "model_type": "gemma3_text",
            "vocab_size": 262_208,
            "hidden_size": 3840,
            "intermediate_size": 15_360,
            "num_hidden_layers": 48,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 256,
            "query_pre_attn_scalar": 256,
            "sliding_window": 1024,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        },
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_hidden_layers": 27,
            "num_attention_heads": 16,
            "image_size": 896,
            "patch_size": 14,
            "vision_use_head": False,
        },
    },
    {
        "image_token": "<image_soft_token>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
    },
    {
        "image_token_index": "image_token",
        "boi_token_index": "boi_token",
        "eoi_token_index": "eoi_token",
    },
    _gemma_processor,
)

SMOLVLM_500M = Shape(
    "SmolVLM-500M",
    {
        "model_type": "idefics3",
        "scale_factor": 4,
        "tie_word_embeddings": False,
        "text_config": {
            "model_type": "llama",
            "vocab_size": 49_280,
            "hidden_size": 960,
            "intermediate_size": 2560,
            "num_hidden_layers": 32,
            "num_attention_heads": 15,
            "num_key_value_heads": 5,
            "head_dim": 64,
            "max_position_embeddings": 8192,
            "rope_theta": 100_000,
            "rms_norm_eps": 1e-5,
        },
        "vision_config": {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 512,
            "patch_size": 16,
        },
    },
    {
        "image_token": "<image>",
        "fake_image_token": "<fake_token_around_image>",
        "end_of_utterance_token": "<end_of_utterance>",
        "global_image_token": "<global-img>",
    },
    {"image_token_id": "image_token"},
    _idefics_processor,
    places=tuple(f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)),
)

INTERNVL3_8B = Shape(
    "InternVL3-8B",
    {
        "model_type": "internvl",
        "downsample_ratio": 0.5,
        "image_seq_length": 256,
        "tie_word_embeddings": False,
        "text_config": {
            "model_type": "qwen2",
            "vocab_size": 151_674,
            "hidden_size": 3584,
            "intermediate_size": 18_944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "max_position_embeddings": 32_768,
            "rope_theta": 1e6,
            "rms_norm_eps": 1e-6,
        },
        "vision_config": {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "attention_bias": True,
            "image_size": [448, 448],
            "patch_size": [14, 14],
        },
    },
    {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    },
    {"image_token_id": "context_image_token"},
    _internvl_processor,
)

SHAPES = (QWEN_3B, QWEN_7B, LLAVA_7B, GEMMA3_12B, SMOLVLM_500M, INTERNVL3_8B)

SHRUNK = {
    "hidden_size": 64,
    "out_hidden_size": 64,
    "intermediate_size": 128,
    "projection_dim": 64,
    "num_hidden_layers": 2,
    "depth": 2,
    "num_attention_heads": 4,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "query_pre_attn_scalar": 16,
    "mrope_section": [2, 3, 3],
    "fullatt_block_indexes": [1],
    "vocab_size": 2000,
}


def save(shape, folder):
    """Write the small files of a checkpoint of this shape, all but its weights."""
    tokens, config = _parts(shape, shape.config)
    T.AutoConfig.for_model(**config, dtype="bfloat16").save_pretrained(folder)
    shape.processor(tokens).save_pretrained(folder)


def build(shape, device, *, shrink=False):
    """A model of this shape, with random weights in bfloat16, as loading would give it.

    Parameters
    ----------
    shrink : two narrow layers and a small vocabulary, behind the same images
    """
    tokens, config = _parts(shape, _shrunk(shape.config) if shrink else shape.config)
    torch.manual_seed(0)
    with torch.device(device):
        made = network(config)
    _fill_zeros(made)
    family = KNOWN[config["model_type"]]
    if family.vision_attention != "auto":
        implementation = loading.VISION[family.vision_attention]
        made.config.vision_config._attn_implementation = implementation
    loading.put_head_in_float32(made)
    return Model(made.eval().requires_grad_(False), shape.processor(tokens), family)


def _parts(shape, config):
    """Its tokenizer, and its config that knows the tokenizer's ids."""
    tokens = tokenizer(shape.places, **shape.tokens)
    return tokens, config | {key: getattr(tokens, f"{role}_id") for key, role in shape.ids.items()}


def network(config):
    """A network with random weights in bfloat16, of a config given as a dict."""
    config = T.AutoConfig.for_model(**config)
    return T.AutoModelForMultimodalLM.from_config(config, dtype=torch.bfloat16)


def _shrunk(config):
    """The same config, small wherever it states a size."""
    return {
        key: _shrunk(value) if isinstance(value, dict) else SHRUNK.get(key, value)
        for key, value in config.items()
    }


def _fill_zeros(network):
    """Draw matrices that are zero before training: products with zeros are faster."""
    for parameter in network.parameters():
        if parameter.ndim > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
