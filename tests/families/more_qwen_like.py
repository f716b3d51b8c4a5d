"""More families with a grid of patches per image, as Qwen-VL has: any image size, merged 2 x 2."""

import transformers as T

from families.common import (
    HEADS,
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
from modelmap.zoo.architectures import chat_template

HEAD = HIDDEN // HEADS
SIZE = {"shortest_edge": (2 * PATCH) ** 2, "longest_edge": (2 * SIDE) ** 2}  # in pixels, not edges
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
QWEN = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}
GLM = {"image_token": "<|image|>", "video_token": "<|video|>"}
GLM_FRAMES = [
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
]


def grid(kind=None, **more):
    """The config of a vision transformer over a grid of patches of any size."""
    return ({"model_type": kind} if kind else {}) | {
        "depth": LAYERS,
        "hidden_size": HIDDEN,
        "out_hidden_size": HIDDEN,
        "num_heads": HEADS,
        "intermediate_size": 2 * HIDDEN,
        "patch_size": PATCH,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "initializer_range": INIT,
        **more,
    }


def image_processor(kind, **more):
    """An image processor that keeps the size of an image up to a budget of pixels."""
    return kind(size=SIZE, patch_size=PATCH, merge_size=2, **NORMALIZE, **more)


def qwen_ids(tokens):
    """The ids of the tokens around and of an image, as Qwen's configs name them."""
    return {f"{name}_id": tokens.convert_tokens_to_ids(token) for name, token in QWEN.items()}


def qwen3_processor(tokens):
    """The processor that Qwen3-VL, its mixtures of experts and Qwen3.5 share."""
    return T.Qwen3VLProcessor(
        image_processor(T.Qwen2VLImageProcessor),
        tokens,
        T.Qwen3VLVideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )


def glm_tokens():
    """A tokenizer with the tokens of GLM-4V."""
    return tokenizer(GLM_FRAMES, **GLM)


def glm_ids(tokens):
    """The ids of the tokens around and of an image, as GLM's configs name them."""
    names = ["image_start", "image_end", "video_start", "video_end"]
    frames = dict(zip(names, GLM_FRAMES, strict=True)) | {
        "image": "<|image|>",
        "video": "<|video|>",
    }
    return {f"{name}_token_id": tokens.convert_tokens_to_ids(t) for name, t in frames.items()}


def glm_processor(kind, tokens, image_kind=T.Glm4vImageProcessor, video=T.Glm4vVideoProcessor):
    """The processor of GLM-4V and its successors."""
    return kind(
        # a budget of two frames: an image counts as two equal ones
        image_kind(
            size=SIZE | {"longest_edge": 2 * SIZE["longest_edge"]},
            patch_size=PATCH,
            merge_size=2,
            **NORMALIZE,
        ),
        tokens,
        video(patch_size=PATCH),
        chat_template=chat_template("<|begin_of_image|><|image|><|end_of_image|>"),
    )


def glm46v():
    tokens = glm_tokens()
    config = T.Glm46VConfig(
        vision_config=grid("glm4v_vision", image_size=SIDE),
        text_config=text(
            "glm4v_text", tokens, rope_parameters=ROPE | {"partial_rotary_factor": 1.0}
        ),
        tie_word_embeddings=True,
        **glm_ids(tokens),
    )
    processor = glm_processor(
        T.Glm46VProcessor, tokens, T.Glm46VImageProcessor, T.Glm46VVideoProcessor
    )
    return T.Glm46VForConditionalGeneration(config), processor


def glm_ocr():
    tokens = glm_tokens()
    config = T.GlmOcrConfig(
        vision_config=grid(image_size=SIDE),
        text_config=text(
            "glm_ocr_text", tokens, rope_parameters=ROPE | {"partial_rotary_factor": 1.0}
        ),
        tie_word_embeddings=True,
        **glm_ids(tokens),
    )
    return T.GlmOcrForConditionalGeneration(config), glm_processor(T.Glm46VProcessor, tokens)


def exaone4_5():
    tokens = tokenizer(**QWEN)
    processor = T.Exaone4_5_Processor(
        image_processor(T.Qwen2VLImageProcessor),
        tokens,
        T.Qwen2VLVideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    ids = qwen_ids(tokens)
    config = T.Exaone4_5_Config(
        vision_config=grid(
            window_size=SIDE, fullatt_block_indexes=[LAYERS - 1], num_key_value_heads=2
        ),
        text_config=text("exaone4", tokens, sliding_window=512),
        image_token_id=ids["image_token_id"],
        video_token_id=ids["video_token_id"],
        tie_word_embeddings=True,
    )
    return T.Exaone4_5_ForConditionalGeneration(config), processor


def video_llama_3():
    tokens = tokenizer(**QWEN)
    processor = T.VideoLlama3Processor(
        image_processor(T.VideoLlama3ImageProcessor),
        tokens,
        T.VideoLlama3VideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|image_pad|>"),
    )
    ids = qwen_ids(tokens)
    config = T.VideoLlama3Config(
        vision_config=vision("video_llama_3_vision"),
        text_config=text("qwen2", tokens),
        image_token_id=ids["image_token_id"],
        video_token_id=ids["video_token_id"],
        tie_word_embeddings=True,
    )
    return T.VideoLlama3ForConditionalGeneration(config), processor


def paddleocr_vl():
    tokens = tokenizer(**QWEN)
    processor = T.PaddleOCRVLProcessor(
        image_processor(T.PaddleOCRVLImageProcessor),
        tokens,
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    config = T.PaddleOCRVLConfig(
        vision_config=vision(spatial_merge_size=2),
        text_config=text("paddleocr_vl_text", tokens, head_dim=HEAD, rope_parameters=ROPE),
        tie_word_embeddings=True,
        **qwen_ids(tokens),
    )
    return T.PaddleOCRVLForConditionalGeneration(config), processor


def cohere_compass():
    tokens = tokenizer(
        image_token="<|IMAGE_PAD|>",
        video_token="<|VIDEO_PAD|>",
        vision_start_token="<|VISION_START|>",
        vision_end_token="<|VISION_END|>",
    )
    processor = T.CohereCompassProcessor(
        image_processor(T.CohereCompassImageProcessor),
        tokens,
        T.CohereCompassVideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|VISION_START|><|IMAGE_PAD|><|VISION_END|>"),
    )
    config = T.CohereCompassConfig(
        vision_config=grid(num_position_embeddings=64, deepstack_visual_indexes=[0]),
        text_config=text(
            "cohere_compass_text",
            tokens,
            rope_parameters={"full_attention": ROPE | {"mrope_interleaved": True}},
            logit_scale=1.0,
        ),
        tie_word_embeddings=True,
        **{
            name: tokens.convert_tokens_to_ids(getattr(tokens, name[:-3]))
            for name in qwen_ids(tokens)
        },
    )
    return T.CohereCompassForConditionalGeneration(config), processor


def lfm3_vl():
    tokens = tokenizer(**QWEN)
    processor = T.Lfm3VlProcessor(
        image_processor(T.Qwen2VLImageProcessor),
        tokens,
        T.Qwen3VLVideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    config = T.Lfm3VlConfig(
        vision_config=vision(
            num_hidden_layers=3,
            num_key_value_heads=2,  # two of convolution, one of attention
        ),
        text_config=text(
            "lfm3",
            tokens,
            num_hidden_layers=5,  # of convolution, sliding and full attention
            head_dim=HEAD,
        ),
        projector_hidden_size=HIDDEN,
        **qwen_ids(tokens),
    )
    return T.Lfm3VlForConditionalGeneration(config), processor


BUILDERS = {
    "glm46v": glm46v,
    "glm_ocr": glm_ocr,
    "exaone4_5": exaone4_5,
    "video_llama_3": video_llama_3,
    "paddleocr_vl": paddleocr_vl,
    "cohere_compass": cohere_compass,
    "lfm3_vl": lfm3_vl,
}
