"""What a chat template prints depends on nothing but the sample."""

import pytest
from families import build
from tiny import load

from modelmap.models import encoding

TEMPLATE = (
    "{%- set today = strftime_now('%d %b %Y') %}{{ today }}|"
    "{%- for m in messages %}{{ m['role'] }}:{{ m['content'] if m['content'] is string "
    "else m['content'][-1]['text'] }}<|im_end|>{% endfor %}"
    "{%- if add_generation_prompt %}assistant:"
    "{%- if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
    "{% endif %}"
)


@pytest.fixture(params=["llava", "qwen3"])
def processor(request, tmp_path):
    build.save(request.param, tmp_path)
    processor = load(tmp_path).processor
    processor.chat_template = TEMPLATE
    return processor


def test_a_template_that_prints_the_date_prints_the_same_every_day(processor):
    text, _ = encoding.render(processor, "Well?", image=False)
    assert text.startswith("26 Jul 2024|")


def test_a_model_that_may_think_is_told_to_answer(processor):
    text, separator = encoding.render(processor, "Well?", image=False)
    assert text.endswith("assistant:<think></think>")
    assert separator == " "


def test_the_end_of_turn_is_what_the_template_writes_behind_an_answer(processor):
    tokenizer = getattr(processor, "tokenizer", processor)
    assert tokenizer.decode(encoding.end_of_turn(processor)) == "<|im_end|>"
