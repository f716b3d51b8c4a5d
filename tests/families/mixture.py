"""Families whose decoder is a mixture of experts: every token is routed to two of four experts."""

import transformers as T

from families.common import HIDDEN, INIT, PATCH, SIDE, text, tokenizer, vision
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

EXPERTS, CHOSEN = 4, 2


def qwen3_vl_moe():
    tokens = tokenizer(**QWEN)
    config = T.Qwen3VLMoeConfig(
        vision_config=grid(num_position_embeddings=64, deepstack_visual_indexes=[0]),
        text_config=text(
            "qwen3_vl_moe_text",
            tokens,
            head_dim=HEAD,
            moe_intermediate_size=HIDDEN,
            num_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            rope_parameters=ROPE | {"mrope_interleaved": True},
        ),
        tie_word_embeddings=True,
        **qwen_ids(tokens),
    )
    return T.Qwen3VLMoeForConditionalGeneration(config), qwen3_processor(tokens)


def qwen3_5_moe():
    tokens = tokenizer(**QWEN)
    config = T.Qwen3_5MoeConfig(
        vision_config=grid(num_position_embeddings=64),
        text_config=text(
            "qwen3_5_moe_text",
            tokens,
            num_hidden_layers=4,
            head_dim=HEAD,
            linear_key_head_dim=HEAD,
            linear_value_head_dim=HEAD,
            linear_num_key_heads=2,
            linear_num_value_heads=4,
            moe_intermediate_size=HIDDEN,
            shared_expert_intermediate_size=HIDDEN,
            num_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            rope_parameters=ROPE | {"mrope_interleaved": True, "partial_rotary_factor": 1.0},
        ),
        tie_word_embeddings=True,
        **qwen_ids(tokens),
    )
    return T.Qwen3_5MoeForConditionalGeneration(config), qwen3_processor(tokens)


def glm4v_moe():
    tokens = glm_tokens()
    config = T.Glm4vMoeConfig(
        vision_config=grid(image_size=SIDE),
        text_config=text(
            "glm4v_moe_text",
            tokens,
            moe_intermediate_size=HIDDEN,
            n_routed_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            first_k_dense_replace=1,
            rope_parameters=ROPE | {"partial_rotary_factor": 1.0},
        ),
        tie_word_embeddings=True,
        **glm_ids(tokens),
    )
    return T.Glm4vMoeForConditionalGeneration(config), glm_processor(T.Glm4vProcessor, tokens)


def ernie4_5_vl_moe():
    tokens = tokenizer(
        image_token="<|IMAGE_PLACEHOLDER|>",
        image_start_token="<|IMAGE_START|>",
        image_end_token="<|IMAGE_END|>",
        video_token="<|VIDEO_PLACEHOLDER|>",
        video_start_token="<|VIDEO_START|>",
        video_end_token="<|VIDEO_END|>",
    )
    processor = T.Ernie4_5_VLMoeProcessor(
        image_processor(T.Ernie4_5_VLMoeImageProcessor),
        tokens,
        T.Ernie4_5_VLMoeVideoProcessor(patch_size=PATCH, draw_on_frames=False),
        chat_template=chat_template("<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>"),
    )
    names = ["image", "image_start", "image_end", "video", "video_start", "video_end"]
    config = T.Ernie4_5_VLMoeConfig(
        vision_config=grid(),
        text_config=text(
            "ernie4_5_vl_moe_text",
            tokens,
            moe_num_experts=EXPERTS,
            moe_k=CHOSEN,
            moe_intermediate_size=[HIDDEN, HIDDEN // 2],  # of text tokens, of image tokens
            rope_parameters=ROPE | {"mrope_section": [3, 3, 2]},
        ),
        tie_word_embeddings=True,
        **{f"{name}_token_id": getattr(tokens, f"{name}_token_id") for name in names},
    )
    return T.Ernie4_5_VLMoeForConditionalGeneration(config), processor


def aria():
    # The processor knows only images of 490 or 980 pixels, so that the patches have to be large.
    side, per_side, n_queries = 980, 7, 8
    tokens = tokenizer(image_token="<image>")
    processor = T.AriaProcessor(
        T.AriaImageProcessor(max_image_size=side),
        tokens,
        chat_template=chat_template("<image>"),
        size_conversion={side: n_queries},
    )
    config = T.AriaConfig(
        vision_config=vision("idefics3_vision", image_size=side, patch_size=side // per_side),
        text_config=text(
            "aria_text",
            tokens,
            intermediate_size=HIDDEN,
            moe_num_experts=EXPERTS,
            moe_topk=CHOSEN,
            moe_num_shared_experts=1,
        ),
        projector_patch_to_query_dict={per_side**2: n_queries},
        image_token_index=tokens.image_token_id,
        initializer_range=INIT,
        tie_word_embeddings=True,
    )
    return T.AriaForConditionalGeneration(config), processor


def llama4():
    tokens = tokenizer(
        ["<|tile_x_separator|>", "<|tile_y_separator|>"],
        image_token="<|image|>",
        boi_token="<|image_start|>",
        eoi_token="<|image_end|>",
        patch_token="<|patch|>",
    )
    processor = T.Llama4Processor(
        T.Llama4ImageProcessor(size={"height": SIDE, "width": SIDE}, max_patches=4),
        tokens,
        patch_size=PATCH,
        chat_template=chat_template("<|image|>"),
    )
    config = T.Llama4Config(
        vision_config=vision(
            intermediate_size=4 * HIDDEN,  # what four patches shuffled into one have
            vision_output_dim=HIDDEN,
            projector_input_dim=HIDDEN,
            projector_output_dim=HIDDEN,
        ),
        text_config=text(
            "llama4_text",
            tokens,
            num_hidden_layers=4,  # three of chunked attention, one of full attention
            head_dim=HEAD,
            intermediate_size_mlp=2 * HIDDEN,
            num_local_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
            interleave_moe_layer_step=2,
        ),
        image_token_index=tokens.convert_tokens_to_ids("<|patch|>"),
        boi_token_index=tokens.boi_token_id,
        eoi_token_index=tokens.eoi_token_id,
        tie_word_embeddings=True,
    )
    return T.Llama4ForConditionalGeneration(config), processor


BUILDERS = {
    "qwen3_vl_moe": qwen3_vl_moe,
    "qwen3_5_moe": qwen3_5_moe,
    "glm4v_moe": glm4v_moe,
    "ernie4_5_vl_moe": ernie4_5_vl_moe,
    "aria": aria,
    "llama4": llama4,
}
