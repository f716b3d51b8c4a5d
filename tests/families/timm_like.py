"""Families whose vision tower is one of timm's: convolutions, or a transformer of its own kind."""

import torch
import transformers as T

from families.common import GRID, HEADS, HIDDEN, INIT, LAYERS, NORMALIZE, PATCH, SIDE, text
from families.common import tokenizer as tokenizer_with
from modelmap.zoo.architectures import chat_template

HEAD = HIDDEN // HEADS
SQUARE = {"height": SIDE, "width": SIDE}


def _lively(network):
    """Draw the tower's weights such that a signal neither dies nor grows on its way."""
    for weight in network.model.vision_tower.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=(2 / weight[0].numel()) ** 0.5)
    return network


def fast_vlm():
    # FastViTHD with a layer per stage: an image is halved six times, so that it has to be large.
    stride, side = 64, 4 * 64
    widths = [8, 16, 16, 32, 32]
    tokens = tokenizer_with(image_token="<image>")
    processor = T.LlavaProcessor(
        T.CLIPImageProcessor(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}, **NORMALIZE
        ),
        tokens,
        patch_size=stride,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=chat_template("<image>"),
    )
    config = T.FastVlmConfig(
        vision_config={
            "model_type": "timm_wrapper",
            "architecture": "fastvit_mci3",
            "do_pooling": True,
            "global_pool": "avg",
            "hidden_size": 2 * widths[-1],
            "model_args": {
                "inference_mode": True,
                "layers": [1] * len(widths),
                "embed_dims": widths,
                "layer_scale_init_value": None,
            },
        },
        text_config=text("qwen2", tokens),
        image_token_index=tokens.image_token_id,
        image_seq_length=(side // stride) ** 2,
        tie_word_embeddings=True,
    )
    return _lively(T.FastVlmForConditionalGeneration(config)), processor


def gemma3n():
    # All blocks of the tower, but narrow: an image is halved four times, then averaged to 2 x 2.
    side, n_image_tokens = 64, 4
    tokens = _gemma_tokens()
    offset = tokens.image_token_id  # hard tokens of images and sounds stand behind those of text
    processor = T.Gemma3nProcessor(
        T.Gemma3nAudioFeatureExtractor(),
        T.SiglipImageProcessor(size={"height": side, "width": side}, **NORMALIZE),
        tokens,
        chat_template=chat_template("<image_soft_token>"),
        image_seq_length=n_image_tokens,
    )
    config = T.Gemma3nConfig(
        vision_config={
            "architecture": "mobilenetv5_300m_enc",
            "model_args": {
                "channel_multiplier": 0.05,
                "stem_size": 16,
                "msfa_output_resolution": 2,
            },
            "hidden_size": 2048,  # which timm has as a constant
            "vocab_size": 2,
            "vocab_offset": offset,
        },
        audio_config={
            "hidden_size": 16,
            "vocab_size": 2,
            "vocab_offset": offset + 2,
            "conf_num_attention_heads": 2,
            "conf_num_hidden_layers": 1,
            "sscp_conv_channel_size": [4, 4],
        },
        text_config=text(
            "gemma3n_text",
            tokens,
            num_hidden_layers=2 * LAYERS,
            layer_types=["sliding_attention", "full_attention"] * LAYERS,
            num_kv_shared_layers=LAYERS,  # the second half takes its keys and values from the first
            head_dim=HEAD,
            vocab_size_per_layer_input=offset,
            hidden_size_per_layer_input=16,
            laurel_rank=8,
            activation_sparsity_pattern=[0.5, 0.0] * LAYERS,
        ),
        vision_soft_tokens_per_image=n_image_tokens,
        initializer_range=INIT,
        image_token_id=tokens.image_token_id,
        boi_token_id=tokens.boi_token_id,
        eoi_token_id=tokens.eoi_token_id,
        audio_token_id=tokens.audio_token_id,
        boa_token_id=tokens.boa_token_id,
        eoa_token_id=tokens.eoa_token_id,
    )
    return _lively(T.Gemma3nForConditionalGeneration(config)), processor


def _gemma_tokens():
    """A tokenizer whose tokens of images and sounds come last, as the network reckons them."""
    roles = {
        "image_token": "<image_soft_token>",
        "eoi_token": "<end_of_image>",
        "audio_token": "<audio_soft_token>",
        "eoa_token": "<end_of_audio>",
    }
    starts = {"boi_token": "<start_of_image>", "boa_token": "<start_of_audio>"}
    tokens = tokenizer_with(**starts)
    return T.PreTrainedTokenizerFast(
        tokenizer_object=tokens.backend_tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<|im_end|>",
        extra_special_tokens=starts | roles,
        padding_side="right",
        model_max_length=4096,
    )


def perception_lm():
    tokens = tokenizer_with(image_token="<|image|>", video_token="<|video|>")
    processor = T.PerceptionLMProcessor(
        T.PerceptionLMVideoProcessor(size=SQUARE),
        T.PerceptionLMImageProcessor(tile_size=SIDE, max_num_tiles=4, **NORMALIZE),
        tokens,
        patch_size=PATCH,
        pooling_ratio=2,
        chat_template=chat_template("<|image|>"),
    )
    config = T.PerceptionLMConfig(
        vision_config={
            "model_type": "timm_wrapper",
            "architecture": "vit_pe_core_large_patch14_336",
            "do_pooling": True,
            "global_pool": "map",
            "model_args": {
                "embed_dim": HIDDEN,
                "depth": LAYERS,
                "num_heads": HEADS,
                "patch_size": PATCH,
                "img_size": [SIDE, SIDE],
                "ref_feat_shape": [GRID, GRID],
                "global_pool": "map",
                "init_values": 0.1,
                "use_post_transformer_norm": False,
            },
        },
        text_config=text("llama", tokens),
        vision_use_cls_token=True,
        projector_pooling_ratio=2,
        image_token_id=tokens.image_token_id,
        video_token_id=tokens.video_token_id,
        tie_word_embeddings=True,
    )
    return T.PerceptionLMForConditionalGeneration(config), processor


BUILDERS = {"fast_vlm": fast_vlm, "gemma3n": gemma3n, "perception_lm": perception_lm}
