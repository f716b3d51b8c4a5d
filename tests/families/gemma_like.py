"""Decoders whose image tokens attend to each other both ways: Gemma 3, Gemma 4, PaliGemma."""

import torch
import transformers as T

from families.common import GRID, HEADS, HIDDEN, INIT, LAYERS, NORMALIZE, PATCH, SIDE, text, vision
from families.common import tokenizer as tokenizer_with
from modelmap.zoo.architectures import chat_template

HEAD_DIM = HIDDEN // HEADS
POOL = 2
SQUARE = {"size": {"height": SIDE, "width": SIDE}} | NORMALIZE
SLIDING = ["sliding_attention", "full_attention"]


def _tokenizer(**named):
    """As Gemma's own, begins every text with BOS (as the chat template does, too)."""
    tokenizer = tokenizer_with(**named)
    tokenizer.add_bos_token = True
    return tokenizer


def _template(image):
    return "{{ bos_token }}" + chat_template(image)


def _siglip(**more):
    return vision("siglip_vision_model", vision_use_head=False, **more)


def gemma3():
    tokenizer = _tokenizer(
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )
    n_image_tokens = (GRID // POOL) ** 2
    processor = T.Gemma3Processor(
        T.Gemma3ImageProcessor(**SQUARE),
        tokenizer,
        chat_template=_template("<start_of_image>"),
        image_seq_length=n_image_tokens,
    )
    config = T.Gemma3Config(
        vision_config=_siglip(),
        text_config=text(
            "gemma3_text",
            tokenizer,
            head_dim=HEAD_DIM,
            query_pre_attn_scalar=HEAD_DIM,
            sliding_window=512,
            layer_types=SLIDING,
        ),
        mm_tokens_per_image=n_image_tokens,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        image_token_index=tokenizer.image_token_id,
        initializer_range=INIT,
    )
    network = T.Gemma3ForConditionalGeneration(config)
    # Zero by default: a network with random weights would be blind.
    projection = network.model.multi_modal_projector.mm_input_projection_weight
    torch.nn.init.normal_(projection, std=INIT)
    return network, processor


def gemma4():
    tokenizer = _tokenizer(
        image_token="<|image|>",
        boi_token="<|image>",
        eoi_token="<image|>",
        video_token="<|video|>",
        audio_token="<|audio|>",
        boa_token="<|audio>",
        eoa_token="<audio|>",
    )
    processor = T.Gemma4Processor(
        T.Gemma4AudioFeatureExtractor(),
        # 70 is the smallest budget that it takes; every image is scaled up to it.
        T.Gemma4ImageProcessor(patch_size=PATCH, pooling_kernel_size=POOL, max_soft_tokens=70),
        tokenizer,
        T.Gemma4VideoProcessor(),
        chat_template=_template("<|image|>"),
        image_seq_length=70,
    )
    config = T.Gemma4Config(
        audio_config=None,
        vision_config=vision(
            num_key_value_heads=HEADS,
            head_dim=HEAD_DIM,
            pooling_kernel_size=POOL,
            position_embedding_size=70 * POOL**2,
        ),
        # As the smaller ones on the hub: inputs per layer, and a second half of the layers that
        # takes its keys and values from the first.
        text_config=text(
            "gemma4_text",
            tokenizer,
            num_hidden_layers=2 * LAYERS,
            layer_types=SLIDING * LAYERS,
            num_kv_shared_layers=LAYERS,
            head_dim=HEAD_DIM,
            global_head_dim=HEAD_DIM,
            sliding_window=512,
            vocab_size_per_layer_input=len(tokenizer),
            hidden_size_per_layer_input=16,
            use_bidirectional_attention="vision",
        ),
        image_token_id=tokenizer.image_token_id,
        boi_token_id=tokenizer.boi_token_id,
        eoi_token_id=tokenizer.eoi_token_id,
        video_token_id=tokenizer.video_token_id,
        audio_token_id=tokenizer.audio_token_id,
        boa_token_id=tokenizer.boa_token_id,
        eoa_token_index=tokenizer.eoa_token_id,
        initializer_range=INIT,
    )
    return T.Gemma4ForConditionalGeneration(config), processor


def paligemma():
    tokenizer = _tokenizer(image_token="<image>")
    images = T.SiglipImageProcessor(**SQUARE)
    images.image_seq_length = GRID**2
    processor = T.PaliGemmaProcessor(images, tokenizer)  # adds 1,152 tokens to the tokenizer
    config = T.PaliGemmaConfig(
        vision_config=_siglip(projection_dim=HIDDEN),
        text_config=text("gemma", tokenizer, head_dim=HEAD_DIM),
        image_token_index=tokenizer.image_token_id,
        projection_dim=HIDDEN,
        hidden_size=HIDDEN,
    )
    return T.PaliGemmaForConditionalGeneration(config), processor


BUILDERS = {"gemma3": gemma3, "gemma4": gemma4, "paligemma": paligemma}
