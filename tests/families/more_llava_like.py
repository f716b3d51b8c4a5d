"""More families that project the patches of a vision transformer, or of tiles, into a decoder."""

import torch
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
from modelmap.zoo.architectures import chat_template

SQUARE = {"height": SIDE, "width": SIDE}
PINPOINTS = [[SIDE, SIDE], [SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
VIDEO = {"image_token": "<image>", "video_token": "<video>"}


def clip(**more):
    """The config of a CLIP tower: its class token comes first."""
    return vision("clip_vision_model", projection_dim=HIDDEN, **more)


def siglip(**more):
    """The config of a SigLIP tower: patches only."""
    return vision("siglip_vision_model", vision_use_head=False, **more)


def sam(side, **more):
    """The config of SAM's tower, whose second layer attends to the whole image."""
    return {
        "hidden_size": HIDDEN,
        "output_channels": HIDDEN // 4,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "mlp_dim": 2 * HIDDEN,
        "image_size": side,
        "patch_size": PATCH,
        "window_size": GRID,
        "global_attn_indexes": [LAYERS - 1],
        "initializer_range": INIT,
        **more,
    }


def next_image_processor():
    """The image processor of LLaVA-NeXT: the image as a whole, and tiles of it."""
    return T.LlavaNextImageProcessor(
        size={"shortest_edge": SIDE}, crop_size=SQUARE, image_grid_pinpoints=PINPOINTS, **NORMALIZE
    )


def video_llava():
    tokens = tokenizer(**VIDEO)
    processor = T.VideoLlavaProcessor(
        T.VideoLlavaImageProcessor(size=SQUARE, do_center_crop=False, **NORMALIZE),
        T.VideoLlavaVideoProcessor(),
        tokens,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template("<image>"),
    )
    config = T.VideoLlavaConfig(
        vision_config=clip(),
        text_config=text("llama", tokens),
        image_token_index=tokens.image_token_id,
        video_token_index=tokens.video_token_id,
        image_seq_length=GRID**2,
        tie_word_embeddings=True,
    )
    return T.VideoLlavaForConditionalGeneration(config), processor


def llava_next_video():
    tokens = tokenizer(**VIDEO)
    processor = T.LlavaNextVideoProcessor(
        T.LlavaNextVideoVideoProcessor(),
        next_image_processor(),
        tokens,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template("<image>"),
    )
    config = T.LlavaNextVideoConfig(
        vision_config=clip(),
        text_config=text("llama", tokens),
        image_token_index=tokens.image_token_id,
        video_token_index=tokens.video_token_id,
        image_grid_pinpoints=PINPOINTS,
        image_seq_length=GRID**2,
        tie_word_embeddings=True,
    )
    return T.LlavaNextVideoForConditionalGeneration(config), processor


def granite4_vision():
    tokens = tokenizer(image_token="<image>")
    processor = T.Granite4VisionProcessor(
        next_image_processor(),
        tokens,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        downsample_rate="1/2",
        chat_template=chat_template("<image>"),
    )
    config = T.Granite4VisionConfig(
        vision_config=siglip(),
        text_config=text("granite4_vision_text", tokens, num_hidden_layers=4),
        qformer_config={
            "model_type": "blip_2_qformer",
            "num_hidden_layers": 1,
            "intermediate_size": 2 * HIDDEN,
            "cross_attention_frequency": 1,
            "max_position_embeddings": 64,
            "use_qformer_text_input": False,
            "initializer_range": INIT,
        },
        image_token_index=tokens.image_token_id,
        image_grid_pinpoints=PINPOINTS,
        image_seq_length=GRID**2 // 4,
        vision_feature_select_strategy="full",
        downsample_rate="1/2",
        deepstack_layer_map=[[-1, 0]],
        spatial_target_layers=[0, 1, 2, 3],
        tie_word_embeddings=True,
    )
    return T.Granite4VisionForConditionalGeneration(config), processor


def granite_docling():
    places = [f"<row_{row}_col_{col}>" for row in range(1, 5) for col in range(1, 5)]
    tokens = tokenizer(
        ["<fake_token_around_image>", "<global-img>", *places], image_token="<image>"
    )
    processor = T.GraniteDoclingProcessor(
        T.GraniteDoclingImageProcessor(size=SQUARE, max_patches=4, **NORMALIZE),
        tokens,
        image_seq_len=(GRID // 2) ** 2,
        chat_template=chat_template("<image>"),
    )
    config = T.GraniteDoclingConfig(
        vision_config=vision(
            out_hidden_size=HIDDEN,
            scale_factor=2,
            deepstack_visual_indexes=[0],
            use_fine_route=False,
        ),
        text_config=text(
            "granite_docling_text",
            tokens,
            # those of the real checkpoint would drown what a tiny one sees
            embedding_multiplier=1.0,
            residual_multiplier=1.0,
            attention_multiplier=0.25,
            logits_scaling=1.0,
        ),
        image_token_id=tokens.image_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    return T.GraniteDoclingForConditionalGeneration(config), processor


def lighton_ocr():
    tokens = tokenizer(
        image_token="<|image_pad|>",
        image_break_token="<|vision_pad|>",
        image_end_token="<|vision_end|>",
    )
    processor = T.LightOnOcrProcessor(
        T.PixtralImageProcessor(size={"longest_edge": 2 * SIDE}, patch_size=2 * PATCH, **NORMALIZE),
        tokens,
        patch_size=PATCH,
        spatial_merge_size=2,
        chat_template=chat_template("<|image_pad|>"),
    )
    config = T.LightOnOcrConfig(
        vision_config=vision("pixtral", image_size=2 * SIDE),
        text_config=text("qwen3", tokens, head_dim=HIDDEN // HEADS),
        image_token_id=tokens.image_token_id,
    )
    return T.LightOnOcrForConditionalGeneration(config), processor


def got_ocr2():
    # Its processor writes 256 image tokens per tile whatever the size: patches of 2 x 2 pixels.
    side, patch = 128, 2
    tokens = tokenizer(["<img>", "</img>", "<imgpad>"])
    processor = T.GotOcr2Processor(
        T.GotOcr2ImageProcessor(size={"height": side, "width": side}, **NORMALIZE),
        tokens,
        chat_template=chat_template("<img><imgpad></img>"),
    )
    config = T.GotOcr2Config(
        # windows only: attention over all 64 x 64 patches would take a second
        vision_config=sam(side, patch_size=patch, window_size=8, global_attn_indexes=[]),
        text_config=text("qwen2", tokens),
        image_token_index=tokens.convert_tokens_to_ids("<imgpad>"),
        image_seq_length=256,
    )
    return T.GotOcr2ForConditionalGeneration(config), processor


def deepseek_vl_hybrid():
    tokens = tokenizer(image_token="<image_placeholder>")
    processor = T.DeepseekVLHybridProcessor(
        T.DeepseekVLHybridImageProcessor(
            size=SQUARE,
            high_res_size={"height": 2 * SIDE, "width": 2 * SIDE},
            min_size=PATCH,
            **NORMALIZE,
        ),
        tokens,
        chat_template=chat_template("<image_placeholder>"),
        num_image_tokens=GRID**2,
    )
    config = T.DeepseekVLHybridConfig(
        vision_config=siglip(),
        high_res_vision_config=sam(2 * SIDE, model_type="sam_vision_model"),
        text_config=text("llama", tokens),
        image_token_id=tokens.image_token_id,
    )
    network = T.DeepseekVLHybridForConditionalGeneration(config)
    torch.nn.init.ones_(network.model.high_res_vision_alpha)  # zero by default: half a tower unused
    return network, processor


BUILDERS = {
    "video_llava": video_llava,
    "llava_next_video": llava_next_video,
    "granite4_vision": granite4_vision,
    "granite_docling": granite_docling,
    "lighton_ocr": lighton_ocr,
    "got_ocr2": got_ocr2,
    "deepseek_vl_hybrid": deepseek_vl_hybrid,
}
