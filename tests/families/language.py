"""Language models without an image: (network, tokenizer) for AutoModelForCausalLM."""

import transformers as T

from families.common import HEADS, HIDDEN, INIT, TEXTS, text
from families.common import tokenizer as tokenizer_with
from modelmap.zoo.architectures import train_tokenizer

HEAD_DIM = HIDDEN // HEADS
SEPARATOR = "<|endoftext|>"
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _network(kind, tokenizer, **more):
    config = T.AutoConfig.for_model(**text(kind, tokenizer, **more))
    return T.AutoModelForCausalLM.from_config(config)


def _bos_tokenizer():
    tokenizer = tokenizer_with()
    tokenizer.add_bos_token = True
    return tokenizer


def _separator_tokenizer(**more):
    """A tokenizer without BOS: documents are separated by the end of text."""
    backend = train_tokenizer(TEXTS * 20, n_merges=60, specials=[SEPARATOR])
    return T.PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=2048, **more)


def llama():
    """A base model: no chat template; its tokenizer begins every text with BOS."""
    tokenizer = _bos_tokenizer()
    return _network("llama", tokenizer), tokenizer


def qwen3():
    """A chat model whose tokenizer has no BOS."""
    tokenizer = _separator_tokenizer(eos_token="<|im_end|>", pad_token=SEPARATOR)
    tokenizer.chat_template = CHAT_TEMPLATE
    ids = {"bos_token_id": None, "pad_token_id": tokenizer.pad_token_id}
    return _network("qwen3", tokenizer, head_dim=HEAD_DIM, **ids), tokenizer


def gemma3_text():
    """A chat model whose template begins with BOS; some layers see few tokens back."""
    tokenizer = _bos_tokenizer()
    tokenizer.chat_template = "{{ bos_token }}" + CHAT_TEMPLATE
    network = _network(
        "gemma3_text",
        tokenizer,
        head_dim=HEAD_DIM,
        query_pre_attn_scalar=HEAD_DIM,
        sliding_window=16,
        layer_types=["sliding_attention", "full_attention"],
    )
    return network, tokenizer


def gpt2():
    """A base model without BOS and without a padding token: all it has is its end of text."""
    tokenizer = _separator_tokenizer(eos_token=SEPARATOR)
    end = tokenizer.eos_token_id
    ids = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": None}
    return _network("gpt2", tokenizer, **ids), tokenizer


def mamba2():
    """A state-space model: no attention, no keys and values, padding is not masked away."""
    tokenizer = tokenizer_with()
    network = _network(
        "mamba2",
        tokenizer,
        num_heads=2 * HIDDEN // HEAD_DIM,
        head_dim=HEAD_DIM,
        state_size=16,
        n_groups=1,
        chunk_size=16,
    )
    return network, tokenizer


def opt():
    """A base model with learned positions, which it derives from the attention mask."""
    tokenizer = _bos_tokenizer()
    widths = {"ffn_dim": 2 * HIDDEN, "word_embed_proj_dim": HIDDEN}
    return _network("opt", tokenizer, init_std=INIT, **widths), tokenizer


BUILDERS = {
    "llama": llama,
    "qwen3": qwen3,
    "gemma3_text": gemma3_text,
    "gpt2": gpt2,
    "mamba2": mamba2,
    "opt": opt,
}
