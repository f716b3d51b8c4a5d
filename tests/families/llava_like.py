"""Tiny checkpoints of the families in which image features replace placeholders one for one."""

import transformers as T

from families.common import GRID, HIDDEN, NORMALIZE, PATCH, SIDE, text, tokenizer, vision
from modelmap.zoo.architectures import chat_template

SQUARE = {"height": SIDE, "width": SIDE}
# Heights and widths of the tilings, in the proportions of the hub's checkpoints.
TILINGS = [[SIDE * rows, SIDE * cols] for rows, cols in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))]
CLIP_TOKENS = {
    "patch_size": PATCH,
    "vision_feature_select_strategy": "default",  # without the class token,
    "num_additional_image_tokens": 1,  # which is therefore added before it is taken off
}


def _clip():
    return vision("clip_vision_model", projection_dim=HIDDEN)


def siglip():
    return vision("siglip_vision_model", vision_use_head=False)


def _llava(config, network, **more):
    tokens = tokenizer(image_token="<image>")
    images = T.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=SQUARE, **NORMALIZE)
    processor = T.LlavaProcessor(
        images, tokens, **CLIP_TOKENS, chat_template=chat_template("<image>")
    )
    config = config(
        vision_config=_clip(),
        text_config=text("llama", tokens),
        image_token_index=tokens.image_token_id,
        image_seq_length=GRID**2,
        tie_word_embeddings=True,
        **more,
    )
    return network(config), processor


def llava():
    return _llava(T.LlavaConfig, T.LlavaForConditionalGeneration)


def vipllava():
    layers = {"vision_feature_layer": [-2, -1]}
    return _llava(T.VipLlavaConfig, T.VipLlavaForConditionalGeneration, **layers)


def llava_next():
    tokens = tokenizer(image_token="<image>")
    images = T.LlavaNextImageProcessor(
        size={"shortest_edge": SIDE},
        crop_size=SQUARE,
        image_grid_pinpoints=TILINGS,
        **NORMALIZE,
    )
    processor = T.LlavaNextProcessor(
        images, tokens, **CLIP_TOKENS, chat_template=chat_template("<image>\n")
    )
    config = T.LlavaNextConfig(
        vision_config=_clip(),
        text_config=text("mistral", tokens),
        image_token_index=tokens.image_token_id,
        image_grid_pinpoints=TILINGS,
        image_seq_length=GRID**2,
        tie_word_embeddings=True,
    )
    return T.LlavaNextForConditionalGeneration(config), processor


def llava_onevision():
    tokens = tokenizer(image_token="<image>", video_token="<video>")
    tilings = [[SIDE, SIDE], *TILINGS]
    shrunk = "anyres_max_2"  # features of more than 2 tiles are scaled down
    images = T.LlavaOnevisionImageProcessor(size=SQUARE, image_grid_pinpoints=tilings, **NORMALIZE)
    processor = T.LlavaOnevisionProcessor(
        images,
        tokens,
        T.LlavaOnevisionVideoProcessor(size=SQUARE),
        num_image_tokens=GRID**2,
        vision_feature_select_strategy="full",
        vision_aspect_ratio=shrunk,
        chat_template=chat_template("<image>"),
    )
    config = T.LlavaOnevisionConfig(
        vision_config=siglip(),
        text_config=text("qwen2", tokens),
        image_token_index=tokens.image_token_id,
        video_token_index=tokens.video_token_id,
        image_grid_pinpoints=tilings,
        vision_aspect_ratio=shrunk,
        tie_word_embeddings=True,
    )
    return T.LlavaOnevisionForConditionalGeneration(config), processor


def mistral3():
    tokens = tokenizer(["[IMG_BREAK]", "[IMG_END]"], image_token="[IMG]")
    images = T.PixtralImageProcessor(
        size={"longest_edge": 2 * SIDE}, patch_size=2 * PATCH, **NORMALIZE
    )
    processor = T.PixtralProcessor(
        images,
        tokens,
        patch_size=PATCH,
        spatial_merge_size=2,
        chat_template=chat_template("[IMG]"),
    )
    config = T.Mistral3Config(
        vision_config=vision("pixtral", image_size=2 * SIDE),
        text_config=text("mistral", tokens),
        image_token_index=tokens.image_token_id,
        spatial_merge_size=2,
    )
    return T.Mistral3ForConditionalGeneration(config), processor


def deepseek_vl():
    tokens = tokenizer(image_token="<image_placeholder>")
    processor = T.DeepseekVLProcessor(
        T.DeepseekVLImageProcessor(size=SQUARE, **NORMALIZE),
        tokens,
        num_image_tokens=GRID**2,
        chat_template=chat_template("<image_placeholder>"),
    )
    config = T.DeepseekVLConfig(
        vision_config=siglip(),
        text_config=text("llama", tokens),
        image_token_id=tokens.image_token_id,
    )
    return T.DeepseekVLForConditionalGeneration(config), processor


def janus():
    tokens = tokenizer(
        image_token="<image_placeholder>",
        boi_token="<begin_of_image>",
        eoi_token="<end_of_image>",
    )
    processor = T.JanusProcessor(
        T.JanusImageProcessor(size=SQUARE, **NORMALIZE),
        tokens,
        num_image_tokens=GRID**2,
        use_default_system_prompt=True,  # as on the hub: put before every text
        chat_template=chat_template("<image_placeholder>"),
    )
    config = T.JanusConfig(
        vision_config=vision(mlp_ratio=2.0, projection_dim=HIDDEN, num_image_tokens=GRID**2),
        text_config=text("llama", tokens),
        # What it draws images with, unused here.
        vq_config={
            "num_embeddings": 32,
            "latent_channels": 32,
            "base_channels": 32,
            "channel_multiplier": [1, 1],
            "num_res_blocks": 1,
            "projection_dim": HIDDEN,
            "image_token_embed_dim": HIDDEN,
        },
        image_token_id=tokens.image_token_id,
    )
    return T.JanusForConditionalGeneration(config), processor


BUILDERS = {
    "llava": llava,
    "vipllava": vipllava,
    "llava_next": llava_next,
    "llava_onevision": llava_onevision,
    "mistral3": mistral3,
    "deepseek_vl": deepseek_vl,
    "janus": janus,
}
