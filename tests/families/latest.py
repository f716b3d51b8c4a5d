"""The latest families with packed patches of images of any size."""

import transformers as T

from families.common import (
    GRID,
    HIDDEN,
    INIT,
    LAYERS,
    NORMALIZE,
    PATCH,
    SIDE,
    text,
    tokenizer,
    vision,
)
from families.more_qwen_like import (
    HEAD,
    QWEN,
    ROPE,
    glm_ids,
    glm_processor,
    glm_tokens,
    grid,
    image_processor,
    qwen3_processor,
    qwen_ids,
)
from modelmap.zoo.architectures import chat_template

EXPERTS, CHOSEN = 4, 2  # of a mixture
QWEN_IMAGE = chat_template("<|vision_start|><|image_pad|><|vision_end|>")


def hyperclovax_vision_v2():
    tokens = tokenizer(**QWEN)
    processor = T.HyperCLOVAXVisionV2Processor(
        image_processor(T.Qwen2VLImageProcessor),
        tokens,
        T.Qwen2VLVideoProcessor(patch_size=PATCH),
        chat_template=QWEN_IMAGE,
    )
    config = T.HyperCLOVAXVisionV2Config(
        vision_config=grid(
            "qwen2_5_vl_vision", window_size=SIDE, fullatt_block_indexes=[LAYERS - 1]
        ),
        text_config=text("hyperclovax", tokens),
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        tie_word_embeddings=True,
    )
    return T.HyperCLOVAXVisionV2ForConditionalGeneration(config), processor


def _muse_tokens():
    names = ["image_start", "image_end", "video", "vid_frame_separator", "vid_start", "vid_end"]
    audio = ["<|audio|>", "<|soft_audio_start|>", "<|soft_audio_end|>"]
    return tokenizer(["<|patch|>", *(f"<|{name}|>" for name in names), *audio])


def _muse_image_processor():
    return T.MuseGlimmerImageProcessor(
        patch_size=PATCH, max_image_tokens=GRID**2, resample=3, **NORMALIZE
    )


def _muse(tokens):
    """What the configs of both have: layers of which the last sees the whole image and text."""
    layers = ["window_attention", "full_attention"]
    return {
        "vision_config": vision(pos_emb_height=8, pos_emb_width=8, layer_types=layers),
        "out_hidden_size": 4 * HIDDEN,  # of 2 x 2 patches merged
        "projector_hidden_size": HIDDEN,
        "image_token_id": tokens.convert_tokens_to_ids("<|patch|>"),
        "video_token_id": tokens.convert_tokens_to_ids("<|video|>"),
    }


def _muse_text(kind, tokens, **more):
    return text(
        kind,
        tokens,
        head_dim=HEAD,
        sliding_window=512,
        layer_types=["sliding_attention", "full_attention"],
        output_multiplier=1.0,
        tie_word_embeddings=False,
        **more,
    )


def muse_glimmer():
    tokens = _muse_tokens()
    processor = T.MuseGlimmerProcessor(
        _muse_image_processor(),
        T.MuseGlimmerVideoProcessor(patch_size=PATCH),
        tokens,
        chat_template=chat_template("<|patch|>"),
    )
    config = T.MuseGlimmerConfig(
        text_config=_muse_text("muse_glimmer_text", tokens), **_muse(tokens)
    )
    return T.MuseGlimmerForConditionalGeneration(config), processor


def muse_spark():
    tokens = _muse_tokens()
    processor = T.MuseSparkProcessor(
        _muse_image_processor(),
        T.MuseGlimmerVideoProcessor(patch_size=PATCH),
        tokens,
        T.MuseSparkFeatureExtractor(),
        chat_template=chat_template("<|patch|>"),
    )
    config = T.MuseSparkConfig(
        text_config=_muse_text(
            "muse_spark_text",
            tokens,
            moe_intermediate_size=HIDDEN,
            moe_hidden_size=HIDDEN // 2,
            num_local_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
        ),
        audio_config={
            "patch_sizes": [16, 4],
            "hidden_sizes": [8, 16],
            "depths": [1, 1],
            "num_hidden_layers": 2,
            "out_hidden_size": HIDDEN,
        },
        audio_token_id=tokens.convert_tokens_to_ids("<|audio|>"),
        **_muse(tokens),
    )
    return T.MuseSparkForConditionalGeneration(config), processor


def glmga():
    tokens = glm_tokens()
    config = T.GlmgaConfig(
        vision_config=grid("glm4v_vision", image_size=SIDE),
        text_config=text(
            "glm4v_text", tokens, rope_parameters=ROPE | {"partial_rotary_factor": 1.0}
        ),
        tie_word_embeddings=True,
        **glm_ids(tokens),
    )
    processor = glm_processor(
        T.Glm46VProcessor, tokens, T.GlmgaImageProcessor, T.GlmgaVideoProcessor
    )
    return T.Glm46VForConditionalGeneration(config), processor


def cosmos3_omni():
    tokens = tokenizer(**QWEN)
    config = T.Cosmos3OmniConfig(
        vision_config=grid(
            "qwen3_vl_vision", num_position_embeddings=64, deepstack_visual_indexes=[0]
        ),
        text_config=text("qwen3_vl_text", tokens, head_dim=HEAD, rope_parameters=ROPE),
        tie_word_embeddings=True,
        **qwen_ids(tokens),
    )
    return T.Cosmos3OmniForConditionalGeneration(config), qwen3_processor(tokens)


def cosmos3_edge():
    tokens = tokenizer(**QWEN)
    processor = T.Cosmos3EdgeProcessor(
        image_processor(T.Cosmos3EdgeImageProcessor),
        tokens,
        T.Cosmos3EdgeVideoProcessor(patch_size=PATCH),
        chat_template=QWEN_IMAGE,
    )
    config = T.Cosmos3EdgeConfig(
        vision_config=vision(num_patches=GRID**2, spatial_merge_size=2),
        text_config=text("cosmos3_edge_text", tokens, head_dim=HEAD, rope_parameters=ROPE),
        projector_hidden_size=HIDDEN,
        tie_word_embeddings=True,
        **qwen_ids(tokens),
    )
    return T.Cosmos3EdgeForConditionalGeneration(config), processor


def qwen3_omni_moe_thinker():
    tokens = tokenizer(
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        audio_token="<|audio_pad|>",
        vision_bos_token="<|vision_start|>",
        vision_eos_token="<|vision_end|>",
        audio_bos_token="<|audio_start|>",
        audio_eos_token="<|audio_end|>",
    )
    processor = T.Qwen3OmniMoeProcessor(
        image_processor(T.Qwen2VLImageProcessor),
        T.Qwen2VLVideoProcessor(patch_size=PATCH),
        T.WhisperFeatureExtractor(feature_size=16),
        tokens,
        chat_template=QWEN_IMAGE,
    )
    config = T.Qwen3OmniMoeThinkerConfig(
        vision_config=grid(num_position_embeddings=64, deepstack_visual_indexes=[0]),
        audio_config={
            "num_mel_bins": 16,
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "d_model": 16,
            "output_dim": HIDDEN,
            "downsample_hidden_size": 16,
        },
        text_config=text(
            "qwen3_omni_moe_text",
            tokens,
            head_dim=HEAD,
            moe_intermediate_size=HIDDEN,
            num_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            rope_parameters=ROPE | {"mrope_interleaved": True},
        ),
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        audio_token_id=tokens.audio_token_id,
        vision_start_token_id=tokens.vision_bos_token_id,
        audio_start_token_id=tokens.audio_bos_token_id,
        initializer_range=INIT,
        tie_word_embeddings=True,
    )
    return T.Qwen3OmniMoeThinkerForConditionalGeneration(config), processor


BUILDERS = {
    "hyperclovax_vision_v2": hyperclovax_vision_v2,
    "muse_glimmer": muse_glimmer,
    "muse_spark": muse_spark,
    "glmga": glmga,
    "cosmos3_omni": cosmos3_omni,
    "cosmos3_edge": cosmos3_edge,
    "qwen3_omni_moe_thinker": qwen3_omni_moe_thinker,
}
