"""Recent families with decoders of their own: latent attention, further axes of positions."""

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
from families.more_qwen_like import HEAD, ROPE, grid, image_processor
from modelmap.zoo.architectures import chat_template

EXPERTS, CHOSEN = 4, 2  # of a mixture


def hunyuan_vl():
    tokens = tokenizer(
        ["<image_newline>"],
        image_token="<image>",
        image_start_token="<image_start>",
        image_end_token="<image_end>",
    )
    processor = T.HunYuanVLProcessor(
        image_processor(T.HunYuanVLImageProcessor),
        tokens,
        chat_template=chat_template("<image_start><image><image_end>"),
    )
    config = T.HunYuanVLConfig(
        vision_config=vision(
            out_hidden_size=HIDDEN,
            spatial_merge_size=2,
            max_image_size=2 * SIDE,
            min_image_size=2 * PATCH,
        ),
        text_config=text(
            "hunyuan_vl_text",
            tokens,
            head_dim=HEAD,
            rope_parameters={
                "rope_type": "dynamic",
                "rope_theta": 1e4,
                "alpha": 1000.0,
                "factor": 1.0,
                "mrope_section": [2, 2, 2, 2],
            },
        ),
        image_token_id=tokens.image_token_id,
        im_start_id=tokens.image_start_token_id,
        im_end_id=tokens.image_end_token_id,
        im_newline_id=tokens.convert_tokens_to_ids("<image_newline>"),
        tie_word_embeddings=True,
    )
    return T.HunYuanVLForConditionalGeneration(config), processor


def qwen2_5_omni_thinker():
    tokens = tokenizer(
        ["<|audio_start|>", "<|audio_end|>"],
        image_token="<|IMAGE|>",
        video_token="<|VIDEO|>",
        audio_token="<|AUDIO|>",
        vision_bos_token="<|vision_bos|>",
        vision_eos_token="<|vision_eos|>",
        audio_bos_token="<|audio_bos|>",
        audio_eos_token="<|audio_eos|>",
    )
    processor = T.Qwen2_5OmniProcessor(
        image_processor(T.Qwen2VLImageProcessor),
        T.Qwen2VLVideoProcessor(patch_size=PATCH),
        T.WhisperFeatureExtractor(feature_size=16),
        tokens,
        chat_template=chat_template("<|vision_bos|><|IMAGE|><|vision_eos|>"),
    )
    config = T.Qwen2_5OmniThinkerConfig(
        vision_config=grid(window_size=SIDE, fullatt_block_indexes=[LAYERS - 1]),
        audio_config={
            "num_mel_bins": 16,
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "d_model": 16,
            "output_dim": HIDDEN,
        },
        text_config=text("qwen2_5_omni_text", tokens, rope_parameters=ROPE),
        image_token_index=tokens.image_token_id,
        video_token_index=tokens.video_token_id,
        audio_token_index=tokens.audio_token_id,
        vision_start_token_id=tokens.vision_bos_token_id,  # not a field, yet the model reads it
        audio_start_token_id=tokens.audio_bos_token_id,
        audio_end_token_id=tokens.audio_eos_token_id,
        initializer_range=INIT,
        tie_word_embeddings=True,
    )
    return T.Qwen2_5OmniThinkerForConditionalGeneration(config), processor


def kimi_k25():
    tokens = tokenizer(
        image_token="<|media_pad|>",
        video_token="<|kimi_k25_video_placeholder|>",
        media_begin_token="<|media_begin|>",
        media_end_token="<|media_end|>",
    )
    processor = T.Kimi_K25Processor(
        T.Kimi_K25ImageProcessor(
            size={"max_height": 2 * SIDE, "max_width": 2 * SIDE}, patch_size=PATCH, **NORMALIZE
        ),
        tokens,
        T.Kimi_K25VideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|media_begin|><|media_pad|><|media_end|>"),
    )
    config = T.Kimi_K25Config(
        vision_config=vision(pos_emb_height=8, pos_emb_width=8),
        text_config=text(
            "deepseek_v3",
            tokens,
            num_key_value_heads=HEADS,
            moe_intermediate_size=HIDDEN,
            n_routed_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            n_group=1,
            topk_group=1,
            first_k_dense_replace=1,
            kv_lora_rank=HEAD,
            q_lora_rank=HEAD,
            qk_rope_head_dim=HEAD,
            qk_nope_head_dim=HEAD,
            v_head_dim=HEAD,
            num_mtp_layers=0,
        ),
        projection_hidden_size=HIDDEN,
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        vision_start_token_id=tokens.media_begin_token_id,
        vision_end_token_id=tokens.media_end_token_id,
    )
    return T.Kimi_K25ForConditionalGeneration(config), processor


def dots3_note():
    tokens = tokenizer(
        image_token="<|imgpad|>", video_token="<|video_pad|>", audio_token="<|audio_comp_pad|>"
    )
    processor = T.Dots3NoteProcessor(
        image_processor(T.Qwen2VLImageProcessor, temporal_patch_size=1),
        tokens,
        T.Qwen3VLVideoProcessor(patch_size=PATCH),
        T.Dots3NoteFeatureExtractor(),
        chat_template=chat_template("<|imgpad|>"),
    )
    heads = {"head_dim": 2 * HEAD, "qk_nope_head_dim": HEAD, "v_head_dim": HEAD}
    ranks = {"q_lora_rank": HEAD, "kv_lora_rank": HEAD}
    sliding = {"num_attention_heads": HEADS, "num_key_value_heads": HEADS, **heads, **ranks}
    config = T.Dots3NoteConfig(
        vision_config=vision(
            moe_intermediate_size=HIDDEN,
            mlp_layer_types=["dense", "sparse"],
            num_local_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            adapter_in_dim=HIDDEN,
            adapter_out_dim=HIDDEN,
        ),
        audio_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "downsample_hidden_size": 8,
            "adapter_input_size": 16,
            "adapter_out_dim": HIDDEN,
        },
        text_config=text(
            "dots3_note_text",
            tokens,
            num_hidden_layers=3,  # two of indexed, one of sliding attention
            num_key_value_heads=HEADS,
            moe_intermediate_size=HIDDEN,
            shared_experts_intermediate_size=HIDDEN,
            n_routed_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            qk_rope_head_dim=HEAD,
            index_head_dim=HEAD,
            index_n_heads=2,
            **heads,
            **ranks,
            **{f"swa_{name}": value for name, value in sliding.items()},
        ),
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        audio_token_id=tokens.audio_token_id,
        tie_word_embeddings=True,
    )
    return T.Dots3NoteForConditionalGeneration(config), processor


def minicpmv4_7():
    tokens = tokenizer(
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        image_start_token="<image>",
        image_end_token="</image>",
        slice_start_token="<slice>",
        slice_end_token="</slice>",
        image_id_start_token="<image_id>",
        image_id_end_token="</image_id>",
    )
    processor = T.MiniCPMV4_7Processor(
        T.MiniCPMV4_6ImageProcessor(
            scale_resolution=2 * SIDE, patch_size=PATCH, max_slice_nums=4, **NORMALIZE
        ),
        T.MiniCPMV4_6VideoProcessor(),
        tokens,
        chat_template=chat_template("<|image_pad|>"),
    )
    config = T.MiniCPMV4_7Config(
        vision_config=vision(image_size=4 * SIDE, num_hidden_layers=3),
        insert_layer_id=1,
        image_size=2 * SIDE,
        text_config=text(
            "qwen3_5_text",
            tokens,
            num_hidden_layers=4,
            head_dim=HEAD,
            linear_key_head_dim=HEAD,
            linear_value_head_dim=HEAD,
            linear_num_key_heads=2,
            linear_num_value_heads=4,
        ),
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        image_start_id=tokens.image_start_token_id,
        image_end_id=tokens.image_end_token_id,
        slice_start_id=tokens.slice_start_token_id,
        slice_end_id=tokens.slice_end_token_id,
        tie_word_embeddings=True,
    )
    return T.MiniCPMV4_7ForConditionalGeneration(config), processor


BUILDERS = {
    "hunyuan_vl": hunyuan_vl,
    "qwen2_5_omni_thinker": qwen2_5_omni_thinker,
    "kimi_k25": kimi_k25,
    "dots3_note": dots3_note,
    "minicpmv4_7": minicpmv4_7,
}
