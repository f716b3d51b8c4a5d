"""The latest families with tiles, several towers, or a decoder that picks what it attends to."""

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
from families.more_qwen_like import HEAD, ROPE, SIZE, glm_ids, glm_tokens, grid, image_processor
from modelmap.zoo.architectures import chat_template

EXPERTS, CHOSEN = 4, 2  # of a mixture
LATENT = {  # attention by latent keys and values, and a mixture
    "num_key_value_heads": HEADS,
    "moe_intermediate_size": HIDDEN,
    "n_routed_experts": EXPERTS,
    "num_experts_per_tok": CHOSEN,
    "kv_lora_rank": HEAD,
    "q_lora_rank": HEAD,
    "qk_nope_head_dim": HEAD,
    "v_head_dim": HEAD,
}
# What picks the keys to attend to. With fewer heads many keys score 0 alike, and which of them are
# picked depends on the length of the row.
INDEX = {"index_head_dim": HEAD, "index_n_heads": 16}


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


def mistral4():
    tokens = tokenizer()  # a decoder of text alone
    config = T.Mistral4Config(**text("mistral4", tokens, qk_rope_head_dim=HEAD, **LATENT))
    return T.Mistral4ForCausalLM(config), tokens


def mistral_large4():
    tokens = tokenizer(["[IMG_BREAK]", "[IMG_END]"], image_token="[IMG]")
    processor = T.PixtralProcessor(
        T.PixtralImageProcessor(size={"longest_edge": 2 * SIDE}, patch_size=2 * PATCH, **NORMALIZE),
        tokens,
        patch_size=PATCH,
        spatial_merge_size=2,
        chat_template=chat_template("[IMG]"),
    )
    config = T.MistralLarge4Config(
        vision_config=vision("pixtral", image_size=2 * SIDE),
        text_config=text(
            "mistral_large4_text", tokens, qk_rope_head_dim=HEAD, index_topk=16, **INDEX, **LATENT
        ),
        image_token_index=tokens.image_token_id,
        tie_word_embeddings=True,
    )
    return T.MistralLarge4ForConditionalGeneration(config), processor


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
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
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


def glm5_next():
    tokens = glm_tokens()
    processor = T.Glm5NextProcessor(
        T.Glm5NextImageProcessor(
            patch_size=PATCH, merge_size=2, min_image_tokens=4, max_image_tokens=16, **NORMALIZE
        ),
        tokens,
        T.Glm5NextVideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|begin_of_image|><|image|><|end_of_image|>"),
    )
    config = T.Glm5NextConfig(
        vision_config=grid(image_size=SIDE, projection_intermediate_size=2 * HIDDEN),
        text_config=text(
            "glm5_next_text",
            tokens,
            layer_types=["linear_attention", "indexed_attention"],
            mlp_layer_types=["dense", "sparse"],
            linear_head_dim=HEAD,
            linear_num_heads=HEADS,
            index_topk=16,
            index_kpool=4,
            **INDEX,
            **LATENT,
        ),
        tie_word_embeddings=True,
        **glm_ids(tokens),
    )
    return T.Glm5NextForConditionalGeneration(config), processor


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


def _inkling_text(kind, tokens, **more):
    heads = {"swa_num_attention_heads": HEADS, "swa_num_key_value_heads": 2, "swa_head_dim": HEAD}
    return text(
        kind,
        tokens,
        head_dim=HEAD,
        layer_types=["hybrid_sliding", "hybrid"],
        sliding_window_size=512,
        d_rel=4,
        rel_extent=64,
        unpadded_vocab_size=len(tokens),
        moe_intermediate_size=HIDDEN,
        n_routed_experts=EXPERTS,
        num_experts_per_tok=CHOSEN,
        **heads,
        **more,
    )


def inkling_mm_model():
    names = ["<|content_image|>", "<|content_audio_input|>"]
    tokens = tokenizer(names, image_token="<|unused_200054|>", audio_token="<|unused_200053|>")
    processor = T.InklingProcessor(
        T.InklingFeatureExtractor(),
        T.InklingImageProcessor(size={"height": 2 * PATCH, "width": 2 * PATCH}, **NORMALIZE),
        tokens,
        chat_template=chat_template("<|content_image|><|unused_200054|>"),
    )
    config = T.InklingConfig(
        vision_config={
            "patch_size": 2 * PATCH,
            "hidden_size": HIDDEN,
            "num_hidden_layers": LAYERS,
            "initializer_range": INIT,
        },
        audio_config={"n_mel_bins": 80, "mel_vocab_size": 16},
        text_config=_inkling_text(
            "inkling_text",
            tokens,
            mlp_layer_types=["dense", "sparse"],
            logits_mup_width_multiplier=1.0,
        ),
        image_token_id=tokens.image_token_id,
        audio_token_id=tokens.audio_token_id,
        image_bos_token_id=tokens.convert_tokens_to_ids(names[0]),
        audio_bos_token_id=tokens.convert_tokens_to_ids(names[1]),
    )
    return T.InklingForConditionalGeneration(config), processor


def inkling2():
    tokens = tokenizer(image_token="<|unused_200054|>")
    processor = T.Inkling2Processor(
        T.Inkling2ImageProcessor(size={"height": 2 * PATCH, "width": 2 * PATCH}, **NORMALIZE),
        tokens,
        chat_template=chat_template("<|unused_200054|>"),
    )
    config = T.Inkling2Config(
        vision_config=vision(
            spatial_merge_size=2,
            posemb_grid_size=8,
            projection_hidden_dim=HIDDEN,
            text_hidden_size=HIDDEN,
        ),
        text_config=_inkling_text("inkling2_text", tokens, n_layers_per_attn_res_block=1),
        image_token_id=tokens.image_token_id,
    )
    return T.Inkling2ForConditionalGeneration(config), processor


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
    "mistral4": mistral4,
    "mistral_large4": mistral_large4,
    "qwen3_omni_moe_thinker": qwen3_omni_moe_thinker,
    "glm5_next": glm5_next,
    "deepseek_ocr2": deepseek_ocr2,
    "unlimited_ocr": unlimited_ocr,
    "inkling_mm_model": inkling_mm_model,
    "inkling2": inkling2,
    "nemotron_h_omni": nemotron_h_omni,
}
