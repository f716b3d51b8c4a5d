"""Families of a kind of their own: images as codes, as slices, or straight into the decoder."""

import transformers as T

from families.common import (
    GRID,
    HEADS,
    HIDDEN,
    INIT,
    NORMALIZE,
    PATCH,
    SIDE,
    text,
    tokenizer,
    vision,
)
from modelmap.zoo.architectures import chat_template

HEAD = HIDDEN // HEADS
CODES = 16  # entries of a codebook


def phi4_multimodal():
    # The processor counts 256 tokens per tile whatever its size: patches of 2 x 2 pixels.
    patch = 2
    side = 32 * patch
    tokens = tokenizer(image_token="<|image|>", audio_token="<|audio|>")
    tokens.chat_template = chat_template("<|image|>")  # the processor itself cannot hold one
    processor = T.Phi4MultimodalProcessor(
        T.Phi4MultimodalImageProcessor(
            size={"height": side, "width": side}, patch_size=patch, dynamic_hd=4, **NORMALIZE
        ),
        T.Phi4MultimodalFeatureExtractor(),
        tokens,
    )
    config = T.Phi4MultimodalConfig(
        vision_config=vision(
            image_size=side,
            patch_size=patch,
            crop_size=side,
            image_token_id=tokens.image_token_id,
        ),
        audio_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_blocks": 1,
            "num_attention_heads": 2,
            "ext_pw_out_channel": 16,
            "depthwise_separable_out_channel": 16,
            "nemo_conv_channels": 16,
            "audio_token_id": tokens.audio_token_id,
        },
        **text("phi4_multimodal", tokens),
    )
    return T.Phi4MultimodalForCausalLM(config), processor


def molmo2():
    names = ["patch", "col", "start", "end", "low"]
    tokens = tokenizer(
        [*(f"<im_{name}>" for name in names), "<low_res_im_start>", "<frame_start>", "<frame_end>"],
        image_token="<|image|>",
        video_token="<|video|>",
    )
    processor = T.Molmo2Processor(
        T.Molmo2ImageProcessor(
            size={"height": SIDE, "width": SIDE},
            patch_size=PATCH,
            overlap_margins=[1, 1],
            max_crops=4,
            **NORMALIZE,
        ),
        T.Molmo2VideoProcessor(patch_size=PATCH),
        tokens,
        chat_template=chat_template("<|image|>"),
    )
    heads = {"num_attention_heads": HEADS, "num_key_value_heads": HEADS, "head_dim": HEAD}
    config = T.Molmo2Config(
        vision_config=vision(image_size=[SIDE, SIDE], **heads),
        adapter_config={
            "vision_feature_layer": [-1, -2],
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "text_hidden_size": HIDDEN,
            "initializer_range": INIT,
            **heads,
        },
        text_config=text(
            "molmo2_text", tokens, head_dim=HEAD, additional_vocab_size=8, tie_word_embeddings=False
        ),
        image_start_token_id=tokens.convert_tokens_to_ids("<im_start>"),
        low_res_image_start_token_id=tokens.convert_tokens_to_ids("<low_res_im_start>"),
        image_end_token_id=tokens.convert_tokens_to_ids("<im_end>"),
        image_patch_id=tokens.convert_tokens_to_ids("<im_patch>"),
        frame_start_token_id=tokens.convert_tokens_to_ids("<frame_start>"),
        frame_end_token_id=tokens.convert_tokens_to_ids("<frame_end>"),
        initializer_range=INIT,
    )
    return T.Molmo2ForConditionalGeneration(config), processor


def emu3():
    codes = [f"<|visual token {code:06d}|>" for code in range(CODES)]
    tokens = tokenizer(
        [*codes, "<|extra_200|>"],
        image_token="<image>",
        boi_token="<|image start|>",
        eoi_token="<|image end|>",
        image_wrapper_token="<|image token|>",
        eof_token="<|extra_201|>",
    )
    processor = T.Emu3Processor(
        T.Emu3ImageProcessor(min_pixels=SIDE**2, max_pixels=(2 * SIDE) ** 2, **NORMALIZE),
        tokens,
        chat_template=chat_template("<image>"),
    )
    config = T.Emu3Config(
        vq_config={
            "codebook_size": CODES,
            "embed_dim": 4,
            "base_channels": 32,
            "channel_multiplier": [
                1,
                1,
                1,
                1,
            ],  # halves an image three times, as the processor counts
            "num_res_blocks": 1,
            "attn_resolutions": [],
            "hidden_size": 32,
        },
        text_config=text("emu3_text_model", tokens, attention_dropout=0.0),
        vocabulary_map=tokens.get_vocab(),
        tie_word_embeddings=True,
    )
    return T.Emu3ForConditionalGeneration(config), processor


def chameleon():
    # a code is spelled in letters: A is 0, BA is 10
    letters = str.maketrans("0123456789", "ABCDEFGHIJ")
    codes = [f"IMGIMG{str(code).translate(letters)}Z" for code in range(CODES)]
    tokens = tokenizer(
        codes,
        image_token="<image>",
        boi_token="<racm3:break>",
        eoi_token="<eoss>",
    )
    tokens.sep_token = "</s>"  # which the processor appends to every prompt
    processor = T.ChameleonProcessor(
        T.ChameleonImageProcessor(
            size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
        ),
        tokens,
        image_seq_length=GRID**2,
    )
    config = T.ChameleonConfig(
        vq_config={
            "embed_dim": 16,
            "num_embeddings": CODES,
            "latent_channels": 16,
            "resolution": SIDE,
            "base_channels": 32,
            "channel_multiplier": [1, 1, 1, 1],
            "num_res_blocks": 1,
        },
        vocabulary_map=tokens.get_vocab(),
        **text("chameleon", tokens),
    )
    return T.ChameleonForConditionalGeneration(config), processor


def gemma4_unified():
    tokens = tokenizer(
        ["<|video|>"],
        image_token="<|image|>",
        boi_token="<boi>",
        eoi_token="<eoi>",
        audio_token="<|audio|>",
        boa_token="<boa>",
        eoa_token="<eoa>",
    )
    processor = T.Gemma4UnifiedProcessor(
        T.Gemma4UnifiedAudioFeatureExtractor(),
        T.Gemma4UnifiedImageProcessor(patch_size=PATCH, pooling_kernel_size=2, max_soft_tokens=70),
        tokens,
        T.Gemma4UnifiedVideoProcessor(),
        chat_template=chat_template("<|image|>"),
        image_seq_length=70,
    )
    config = T.Gemma4UnifiedConfig(
        vision_config={
            "patch_size": PATCH,
            "pooling_kernel_size": 2,
            "mm_embed_dim": HIDDEN,
            "mm_posemb_size": 70,
            "output_proj_dims": HIDDEN,
            "initializer_range": INIT,
        },
        audio_config=None,
        text_config=text(
            "gemma4_unified_text",
            tokens,
            head_dim=HEAD,
            global_head_dim=HEAD,
            sliding_window=512,
            use_bidirectional_attention="vision",
        ),
        image_token_id=tokens.image_token_id,
        boi_token_id=tokens.boi_token_id,
        eoi_token_id=tokens.eoi_token_id,
        video_token_id=tokens.convert_tokens_to_ids("<|video|>"),
        audio_token_id=tokens.audio_token_id,
        boa_token_id=tokens.boa_token_id,
        eoa_token_index=tokens.eoa_token_id,
        initializer_range=INIT,
    )
    return T.Gemma4UnifiedForConditionalGeneration(config), processor


BUILDERS = {
    "phi4_multimodal": phi4_multimodal,
    "molmo2": molmo2,
    "emu3": emu3,
    "chameleon": chameleon,
    "gemma4_unified": gemma4_unified,
}
