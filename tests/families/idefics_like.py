"""Tiny checkpoints of the families whose images are padded to the most tiles of a batch."""

import torch
import transformers as T

from families.common import GRID, HEADS, HIDDEN, INIT, NORMALIZE, SIDE, text, tokenizer, vision
from families.llava_like import SQUARE
from modelmap.zoo.architectures import chat_template

ROUND_IMAGE = "<fake_token_around_image>"
N_LATENTS = 8  # of Idefics2: as many tokens stand for every image
SCALE = 2  # of Idefics3 and SmolVLM: patches are merged in squares of 2 x 2


def idefics2():
    tokens = tokenizer(
        image_token="<image>",
        image_boundary_token=ROUND_IMAGE,
        end_of_utterance_token="<end_of_utterance>",
    )
    images = T.Idefics2ImageProcessor(
        size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE},
        do_image_splitting=True,  # as on the hub: four quarters and the whole
        **NORMALIZE,
    )
    processor = T.Idefics2Processor(
        images, tokens, image_seq_len=N_LATENTS, chat_template=chat_template("<image>")
    )
    config = T.Idefics2Config(
        vision_config=vision(image_size=2 * SIDE),
        perceiver_config={
            "hidden_size": HIDDEN,
            "resampler_n_latents": N_LATENTS,
            "resampler_depth": 1,
            "resampler_n_heads": HEADS,
            "resampler_head_dim": HIDDEN // HEADS,
            "num_key_value_heads": 2,
            "initializer_range": INIT,
        },
        text_config=text("mistral", tokens),
        image_token_id=tokens.image_token_id,
        tie_word_embeddings=True,
    )
    network = T.Idefics2ForConditionalGeneration(config)
    # Ones by default: all tokens of an image would be the same.
    torch.nn.init.normal_(network.model.connector.perceiver_resampler.latents)
    return network, processor


def _split_tokenizer():
    places = [f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)]
    return tokenizer(
        places,
        image_token="<image>",
        fake_image_token=ROUND_IMAGE,
        end_of_utterance_token="<end_of_utterance>",
        global_image_token="<global-img>",
        video_token="<video>",
    )


def _split_config(kind, tokens):
    return kind(
        vision_config=vision(),
        text_config=text("llama", tokens),
        image_token_id=tokens.image_token_id,
        scale_factor=SCALE,
        tie_word_embeddings=True,
    )


# The longer side is always scaled to 2 tiles, so an image has 1 x 2, 2 x 1 or 2 x 2 and itself.
SPLIT_IMAGES = {
    "size": {"longest_edge": 2 * SIDE},
    "max_image_size": {"longest_edge": SIDE},
} | NORMALIZE
SPLIT_TEXT = {
    "image_seq_len": (GRID // SCALE) ** 2,
    "chat_template": chat_template("<image>"),
}


def idefics3():
    tokens = _split_tokenizer()
    images = T.Idefics3ImageProcessor(**SPLIT_IMAGES)
    processor = T.Idefics3Processor(images, tokens, **SPLIT_TEXT)
    return T.Idefics3ForConditionalGeneration(_split_config(T.Idefics3Config, tokens)), processor


def smolvlm():
    tokens = _split_tokenizer()
    images = T.SmolVLMImageProcessor(**SPLIT_IMAGES)
    processor = T.SmolVLMProcessor(images, tokens, T.SmolVLMVideoProcessor(), **SPLIT_TEXT)
    return T.SmolVLMForConditionalGeneration(_split_config(T.SmolVLMConfig, tokens)), processor


def mllama():
    tokens = tokenizer(["<|python_tag|>"], image_token="<|image|>")
    images = T.MllamaImageProcessor(size=SQUARE, max_image_tiles=4, **NORMALIZE)
    template = "{{ bos_token }}" + chat_template("<|image|>")
    processor = T.MllamaProcessor(images, tokens, chat_template=template)
    config = T.MllamaConfig(
        vision_config=vision(
            num_global_layers=1,
            max_num_tiles=4,
            intermediate_layers_indices=[0],
            vision_output_dim=2 * HIDDEN,  # the intermediate layer's and the last
        ),
        text_config=text(
            "mllama_text_model",
            tokens,
            num_hidden_layers=3,
            cross_attention_layers=[1],
            tie_word_embeddings=False,
        ),
        image_token_index=tokens.image_token_id,
    )
    network = T.MllamaForConditionalGeneration(config)
    _open_gates(network)
    return network, processor


def _open_gates(network):
    """Set the gates of MLlama, zero by default: a network with random weights would be blind."""
    for name, parameter in network.named_parameters():
        if name.endswith("gate"):
            torch.nn.init.constant_(parameter, 0.5)


BUILDERS = {
    "idefics2": idefics2,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
    "mllama": mllama,
}
