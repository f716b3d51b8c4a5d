"""The latest families whose decoder picks what it attends to, or looks back in its own way."""

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
from families.more_qwen_like import (
    HEAD,
    QWEN,
    ROPE,
    glm_ids,
    glm_tokens,
    grid,
    image_processor,
    qwen3_processor,
    qwen_ids,
)
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


def minimax_m3_vl():
    kind = T.MiniMaxM3VLProcessor
    named = [kind.IMAGE_TOKEN, kind.VIDEO_TOKEN, kind.VISION_START_TOKEN, kind.VISION_END_TOKEN]
    tokens = tokenizer(named)
    processor = kind(
        image_processor(T.MiniMaxM3VLImageProcessor),
        tokens,
        T.MiniMaxM3VLVideoProcessor(patch_size=PATCH),
        chat_template=chat_template(kind.IMAGE_TOKEN),
    )
    config = T.MiniMaxM3VLConfig(
        vision_config=vision(num_hidden_layers=LAYERS),
        text_config=text(
            "minimax_m3_vl_text",
            tokens,
            head_dim=HEAD,
            rotary_dim=HEAD // 2,
            num_local_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            dense_intermediate_size=2 * HIDDEN,
            shared_intermediate_size=HIDDEN,
            layer_types=["full_attention", "minimax_m3_sparse"],
            mlp_layer_types=["dense", "sparse"],
            index_n_heads=2,
            index_head_dim=HEAD,
            index_block_size=4,  # so that blocks of a row are left out
            index_topk_blocks=4,
        ),
        projector_hidden_size=HIDDEN,
        image_token_index=tokens.convert_tokens_to_ids(kind.IMAGE_TOKEN),
        video_token_index=tokens.convert_tokens_to_ids(kind.VIDEO_TOKEN),
        tie_word_embeddings=True,
    )
    return T.MiniMaxM3SparseForConditionalGeneration(config), processor


def qwen4_exp():
    tokens = tokenizer(**QWEN)
    config = T.Qwen4ExpConfig(
        vision_config=grid(num_position_embeddings=64),
        text_config=text(
            "qwen4_exp_text",
            tokens,
            layer_types=["linear_attention", "indexed_attention"],
            head_dim=HEAD,
            linear_key_head_dim=HEAD,
            linear_value_head_dim=HEAD,
            linear_num_key_heads=2,
            linear_num_value_heads=HEADS,
            moe_intermediate_size=HIDDEN,
            shared_expert_intermediate_size=HIDDEN,
            num_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            hc_lowrank=HEAD,
            ple_layer_ids=[1],
            heads_per_ngram=2,
            ngram_vocab_size_base=100,
            split_ngram_parts=2,
            indexer_n_heads=2,
            indexer_kv_heads=1,
            indexer_head_dim=HEAD,
            indexer_budget=16,
            indexer_compress_ratio=4,
            rope_parameters=ROPE | {"mrope_interleaved": True, "partial_rotary_factor": 1.0},
        ),
        tie_word_embeddings=True,
        **qwen_ids(tokens),
    )
    return T.Qwen4ExpForConditionalGeneration(config), qwen3_processor(tokens)


def mistral4():
    tokens = tokenizer()  # a decoder of text alone
    config = T.Mistral4Config(
        **text(
            "mistral4",
            tokens,
            qk_rope_head_dim=HEAD,
            max_position_embeddings=2**20,  # what its scaling of positions is made for
            **LATENT,
        )
    )
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


BUILDERS = {
    "minimax_m3_vl": minimax_m3_vl,
    "qwen4_exp": qwen4_exp,
    "mistral4": mistral4,
    "mistral_large4": mistral_large4,
    "glm5_next": glm5_next,
    "inkling_mm_model": inkling_mm_model,
    "inkling2": inkling2,
}
