"""The latest families with tiles or several towers, most of them readers of pages."""

import transformers as T

from families.common import (
    GRID,
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
from families.more_qwen_like import (
    HEAD,
)
from families.qwen_like import linear_text
from modelmap.zoo.architectures import chat_template

EXPERTS, CHOSEN = 4, 2  # of a mixture


def qianfan_ocr():
    tokens = tokenizer(
        ["<image>"],
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
    )
    n_image_tokens = (GRID // 2) ** 2
    processor = T.QianfanOCRProcessor(
        T.GotOcr2ImageProcessor(
            crop_to_patches=True,
            size={"height": SIDE, "width": SIDE},
            min_patches=1,
            max_patches=4,
            **NORMALIZE,
        ),
        tokens,
        image_seq_length=n_image_tokens,
        chat_template=chat_template("<image>\n"),
    )
    config = T.QianfanOCRConfig(
        vision_config=vision(),
        text_config=text("qwen3", tokens, head_dim=HEAD),
        image_token_id=tokens.context_image_token_id,
        image_seq_length=n_image_tokens,
        tie_word_embeddings=True,
    )
    return T.QianfanOCRForConditionalGeneration(config), processor


def step3p7():
    # Patches are merged 4 x 4: sixteen tokens of an image, four of a window cut from it.
    patch = PATCH // 2
    marks = ["<im_start>", "<im_end>", "<patch_start>", "<patch_end>", "<patch_newline>"]
    tokens = tokenizer(["<im_patch>", *marks])
    processor = T.Step3p7Processor(
        T.Step3p7ImageProcessor(
            size={"height": 2 * SIDE, "width": 2 * SIDE},
            patch_size=SIDE,
            vision_patch_size=patch,
            max_image_size=4 * SIDE,
            **NORMALIZE,
        ),
        tokens,
        chat_template=chat_template("<im_patch>"),
    )
    config = T.Step3p7Config(
        vision_config=vision(
            image_size=2 * SIDE,
            patch_size=patch,
            mlp_ratio=2.0,
            max_position_embeddings=(2 * SIDE // patch) ** 2,
        ),
        text_config=text(
            "step3p5",
            tokens,
            head_dim=HEAD,
            layer_types=["full_attention", "sliding_attention"],
            mlp_layer_types=["dense", "sparse"],
            sliding_window=512,
            num_sliding_attention_heads=2 * HEADS,
            moe_intermediate_size=HIDDEN,
            share_expert_dim=HIDDEN,
            n_routed_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            tie_word_embeddings=False,
        ),
        image_token_id=tokens.convert_tokens_to_ids("<im_patch>"),
    )
    return T.Step3p7ForConditionalGeneration(config), processor


def _sam(side, patch):
    """The config of SAM's tower, which leaves a patch of 16 of its own to the next tower."""
    return {
        "hidden_size": HIDDEN,
        "output_channels": HIDDEN // 4,
        "downsample_channels": [HIDDEN, HIDDEN],
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "mlp_dim": 2 * HIDDEN,
        "image_size": side,
        "patch_size": patch,
        "window_size": 8,
        "global_attn_indexes": [],  # over all patches it would take a second
        "initializer_range": INIT,
    }


def _ocr_text(kind, tokens):
    return text(
        kind,
        tokens,
        num_key_value_heads=HEADS,
        mlp_layer_types=["dense", "sparse"],
        moe_intermediate_size=HIDDEN,
        n_routed_experts=EXPERTS,
        num_experts_per_tok=CHOSEN,
        n_shared_experts=1,
        tie_word_embeddings=False,
    )


def deepseek_ocr2():
    # The tower has 256 queries for the image as a whole and 144 for a tile, whatever their sizes.
    patch, side, tile = 2, 128, 96
    tokens = tokenizer(image_token="<image>")
    processor = T.DeepseekOcr2Processor(
        T.DeepseekOcr2ImageProcessor(
            size={"height": side, "width": side}, tile_size=tile, max_patches=3, **NORMALIZE
        ),
        tokens,
        patch_size=patch,
        chat_template=chat_template("<image>"),
    )
    encoder = text("deepseek_ocr2_encoder", tokens)
    config = T.DeepseekOcr2Config(
        vision_config={"sam_config": _sam(side, patch), "encoder_config": encoder},
        text_config=_ocr_text("deepseek_ocr2_text", tokens),
        image_token_id=tokens.image_token_id,
    )
    return T.DeepseekOcr2ForConditionalGeneration(config), processor


def unlimited_ocr():
    patch, side = 2, 2 * SIDE
    tokens = tokenizer(image_token="<image>")
    processor = T.UnlimitedOcrProcessor(
        T.UnlimitedOcrImageProcessor(
            size={"height": side, "width": side}, tile_size=SIDE, max_patches=4, **NORMALIZE
        ),
        tokens,
        patch_size=patch,
        chat_template=chat_template("<image>"),
    )
    config = T.UnlimitedOcrConfig(
        vision_config={"sam_config": _sam(side, patch), "encoder_config": vision(image_size=side)},
        text_config=_ocr_text("unlimited_ocr_text", tokens) | {"sliding_window": 8},
        image_token_id=tokens.image_token_id,
    )
    return T.UnlimitedOcrForConditionalGeneration(config), processor


def minicpm_ocr():
    roles = ["image", "slice", "image_id"]
    marks = {f"{role}_start_token": f"<{role}>" for role in roles}
    marks |= {f"{role}_end_token": f"</{role}>" for role in roles}
    tokens = tokenizer(image_token="<|image_pad|>", video_token="<|video_pad|>", **marks)
    slices = {"scale_resolution": SIDE, "patch_size": PATCH, "max_slice_nums": 4}
    processor = T.MiniCPMOcrProcessor(
        T.MiniCPMOcrImageProcessor(**slices, **NORMALIZE),
        T.MiniCPMOcrVideoProcessor(patch_size=PATCH),
        tokens,
        chat_template=chat_template("<|image_pad|>"),
    )
    config = T.MiniCPMOcrConfig(
        vision_config=vision(image_size=2 * SIDE),
        insert_layer_id=0,
        text_config=linear_text(tokens),
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        tie_word_embeddings=True,
    )
    return T.MiniCPMOcrForConditionalGeneration(config), processor


def nemotron_h_omni():
    tokens = tokenizer(
        ["<so_start>", "<so_end>"],
        image_token="<image>",
        video_token="<video>",
        audio_token="<so_embedding>",
        image_start_token="<img>",
        image_end_token="</img>",
    )
    processor = T.NemotronH_Omni_Reasoning_V3Processor(
        T.NemotronH_Omni_Reasoning_V3ImageProcessor(
            patch_size=PATCH, min_num_patches=GRID**2, max_num_patches=4 * GRID**2, **NORMALIZE
        ),
        T.NemotronH_Omni_Reasoning_V3VideoProcessor(patch_size=PATCH),
        tokens,
        T.ParakeetFeatureExtractor(),
        chat_template=chat_template("<image>"),
    )
    config = T.NemotronH_Omni_Reasoning_V3_Config(
        vision_config=vision(
            "radio", image_size=2 * SIDE, max_img_size=4 * SIDE, video_temporal_patch_size=2
        ),
        audio_config=None,
        text_config=text(
            "nemotron_h",
            tokens,
            head_dim=HEAD,
            layers_block_type=["linear_attention", "moe", "full_attention", "mlp"],
            num_hidden_layers=4,
            ssm_state_size=HEAD,
            mamba_num_heads=HEADS,
            mamba_head_dim=HEAD,
            n_groups=2,
            chunk_size=16,
            n_routed_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            moe_intermediate_size=HIDDEN,
            moe_shared_expert_intermediate_size=HIDDEN,
        ),
        projector_hidden_size=HIDDEN,
        vision_hidden_size=HIDDEN,
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        audio_token_id=tokens.audio_token_id,
    )
    return T.NemotronH_Omni_Reasoning_V3(config), processor


BUILDERS = {
    "qianfan_ocr": qianfan_ocr,
    "step3p7": step3p7,
    "deepseek_ocr2": deepseek_ocr2,
    "unlimited_ocr": unlimited_ocr,
    "minicpm_ocr": minicpm_ocr,
    "nemotron_h_omni": nemotron_h_omni,
}
