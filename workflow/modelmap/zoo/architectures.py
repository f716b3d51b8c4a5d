"""Tiny networks of four vision-language families and two language families, random weights.

Each builder returns what a checkpoint on a hub holds: a network of the family's own class, and
the family's own processor with a tokenizer and a chat template; of a language model, which is a
base model, the tokenizer alone. All sizes are shared: hidden size 96, 2 + 2 layers, 4 heads,
images of 48 x 48 pixels in patches of 8 x 8.
"""

import tokenizers
import torch
import transformers as T
from tokenizers import decoders, models, pre_tokenizers, trainers

HIDDEN, LAYERS, HEADS, SIDE, PATCH = 96, 2, 4, 48, 8
INIT = 0.08  # about 1/sqrt(HIDDEN): with the usual 0.02 the image is hardly used after training
GRID = SIDE // PATCH
NORMALIZE = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
COMMON_TOKENS = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
PAD, BOS, EOS = 0, 1, 4


def train_tokenizer(texts, *, n_merges, specials):
    """Train a byte-level BPE tokenizer: every text can be encoded, `n_merges` make it its own."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = COMMON_TOKENS + specials
    trainer = trainers.BpeTrainer(
        vocab_size=256 + len(specials) + n_merges,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def build(architecture, texts, n_merges):
    """Build (network, processor) of one family; of a language family, (network, tokenizer).

    Parameters
    ----------
    architecture : one of ARCHITECTURES or of LANGUAGE_ARCHITECTURES
    texts : iterable of str, what the tokenizer is trained on
    n_merges : int, its size beyond bytes and special tokens
    """
    known = ARCHITECTURES | LANGUAGE_ARCHITECTURES
    image_tokens, builder = known[architecture]
    backend = train_tokenizer(texts, n_merges=n_merges, specials=list(image_tokens.values()))
    tokenizer = T.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<|im_end|>",
        extra_special_tokens=image_tokens,
        padding_side="right",
        model_max_length=2048,
    )
    return builder(tokenizer, {name: backend.token_to_id(t) for name, t in image_tokens.items()})


def chat_template(image):
    """A chat template in which an image stands as the text `image`."""
    return (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}" + image + "{% else %}{{ c['text'] }}{% endif %}"
        "{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


def _text(kind, tokenizer, **more):
    return {
        "model_type": kind,
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "pad_token_id": PAD,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "tie_word_embeddings": True,
        "initializer_range": INIT,
        **more,
    }


def _vision(**more):
    return {
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "image_size": SIDE,
        "patch_size": PATCH,
        "initializer_range": INIT,
        **more,
    }


def _llava(tokenizer, ids):
    processor = T.LlavaProcessor(
        T.CLIPImageProcessor(
            size={"height": SIDE, "width": SIDE},
            crop_size={"height": SIDE, "width": SIDE},
            do_center_crop=False,
            **NORMALIZE,
        ),
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template("<image>"),
    )
    config = T.LlavaConfig(
        vision_config=_vision(model_type="clip_vision_model", projection_dim=HIDDEN),
        text_config=_text("llama", tokenizer),
        image_token_index=ids["image_token"],
        image_seq_length=GRID**2,
        vision_feature_layer=-1,
        tie_word_embeddings=True,
    )
    return T.LlavaForConditionalGeneration(config), processor


def _qwen2_vl(tokenizer, ids):
    processor = T.Qwen2VLProcessor(
        T.Qwen2VLImageProcessor(
            size={"shortest_edge": 4 * PATCH**2, "longest_edge": SIDE**2},
            patch_size=PATCH,
            merge_size=2,
            temporal_patch_size=2,
            **NORMALIZE,
        ),
        tokenizer,
        T.Qwen2VLVideoProcessor(patch_size=PATCH),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 4, 4]}
    config = T.Qwen2VLConfig(
        vision_config={
            "depth": LAYERS,
            "embed_dim": HIDDEN,
            "hidden_size": HIDDEN,
            "num_heads": HEADS,
            "mlp_ratio": 2,
            "patch_size": PATCH,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "initializer_range": INIT,
        },
        text_config=_text("qwen2_vl_text", tokenizer, rope_parameters=rope),
        image_token_id=ids["image_token"],
        video_token_id=ids["video_token"],
        vision_start_token_id=ids["vision_start_token"],
        vision_end_token_id=ids["vision_end_token"],
        tie_word_embeddings=True,
    )
    return T.Qwen2VLForConditionalGeneration(config), processor


def _smolvlm(tokenizer, ids):
    processor = T.SmolVLMProcessor(
        T.SmolVLMImageProcessor(
            size={"longest_edge": SIDE},
            max_image_size={"longest_edge": SIDE},
            do_image_splitting=False,
            **NORMALIZE,
        ),
        tokenizer,
        T.SmolVLMVideoProcessor(),
        image_seq_len=GRID**2 // 4,
        chat_template=chat_template("<image>"),
    )
    config = T.SmolVLMConfig(
        vision_config=_vision(),
        text_config=_text("llama", tokenizer),
        image_token_id=ids["image_token"],
        scale_factor=2,
        pad_token_id=PAD,
        tie_word_embeddings=True,
    )
    return T.SmolVLMForConditionalGeneration(config), processor


def _gemma3(tokenizer, ids):
    n_image_tokens = (GRID // 2) ** 2
    processor = T.Gemma3Processor(
        T.Gemma3ImageProcessor(size={"height": SIDE, "width": SIDE}, **NORMALIZE),
        tokenizer,
        chat_template=chat_template("<start_of_image>"),
        image_seq_length=n_image_tokens,
    )
    config = T.Gemma3Config(
        vision_config=_vision(model_type="siglip_vision_model", vision_use_head=False),
        text_config=_text(
            "gemma3_text",
            tokenizer,
            head_dim=HIDDEN // HEADS,
            query_pre_attn_scalar=HIDDEN // HEADS,
            sliding_window=512,
        ),
        mm_tokens_per_image=n_image_tokens,
        boi_token_index=ids["boi_token"],
        eoi_token_index=ids["eoi_token"],
        image_token_index=ids["image_token"],
    )
    network = T.Gemma3ForConditionalGeneration(config)
    # Zero by default: a network with random weights would be blind.
    projection = network.model.multi_modal_projector.mm_input_projection_weight
    torch.nn.init.normal_(projection, std=INIT)
    return network, processor


# architecture -> (its special tokens about images, its builder)
ARCHITECTURES = {
    "llava": ({"image_token": "<image>"}, _llava),
    "qwen2_vl": (
        {
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
        _qwen2_vl,
    ),
    "smolvlm": (
        {
            "image_token": "<image>",
            "fake_image_token": "<fake_token_around_image>",
            "end_of_utterance_token": "<end_of_utterance>",
            "global_image_token": "<global-img>",
            "video_token": "<video>",
        },
        _smolvlm,
    ),
    "gemma3": (
        {
            "image_token": "<image_soft_token>",
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
        },
        _gemma3,
    ),
}


def _llama(tokenizer, _):
    return T.LlamaForCausalLM(T.LlamaConfig(**_text("llama", tokenizer))), tokenizer


def _gpt2(tokenizer, _):
    config = T.GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=2048,
        n_embd=HIDDEN,
        n_layer=LAYERS,
        n_head=HEADS,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=BOS,
        eos_token_id=EOS,
        initializer_range=INIT,
    )
    return T.GPT2LMHeadModel(config), tokenizer


LANGUAGE_ARCHITECTURES = {"gpt2": ({}, _gpt2), "llama": ({}, _llama)}
