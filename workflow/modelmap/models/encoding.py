"""A sample as a row of tokens: rendered prompt, image tokens, target, end of turn.

One recipe for every family:

    P = "<|im_start|>user <image>Describe the image.<|im_end|><|im_start|>assistant"   rendered
    row = [ tokens of P, the image placeholder expanded | target | end of turn | padding ]
                                                          ^^^^^^ scored

The prompt and the image are conditions and never scored. P, a separator and the target are
tokenized as one text, and the target's tokens are those that end beyond P: what a model would
have to generate. (Tokenizing prompt and target apart breaks wherever a token spans the boundary.)
"""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import torch
from transformers.utils import chat_template_utils

from modelmap import memory

# Inputs with a value per token, and the value behind the prompt; None: that of its last token.
PER_TOKEN = {
    "token_type_ids": 0,
    "mm_token_type_ids": 0,
    "moe_mm_token_type_ids": 0,
    "image_embeds_position_mask": 0,
    "cross_attention_mask": None,
    "image_attention_mask": None,
}


class FixedDate(datetime):
    """A clock that stands still, for templates that print today's date."""

    @classmethod
    def now(cls, tz=None):
        """Return the same moment always."""
        return cls(2024, 7, 26, tzinfo=tz)


class BadTarget(ValueError):
    """A target that cannot stand behind its prompt; `status` is that of its row."""

    status = "target_error"


class BadPrompt(ValueError):
    """A prompt that the chat template cannot take; `status` is that of its row."""

    status = "prompt_error"


class NeedsImage(ValueError):
    """A sample without an image, for a network that cannot do without one."""

    status = "needs_image"


class Uneven(ValueError):
    """Prompts that were to be encoded side by side differ in length."""


@dataclass(frozen=True)
class Row:
    """The token ids of one sample behind its prompt, and where they lie.

    `straddle` is the number of prompt tokens that the target's first token takes over;
    `ends[t]` is the byte of the target at which the last character ends that its token t touches.
    """

    target: list[int]
    ends: list[int]
    end_of_turn: list[int]
    straddle: int

    @property
    def tail(self):
        """All that is behind the prompt."""
        return self.target + self.end_of_turn


@dataclass(frozen=True)
class Batch:
    """Encoded samples.

    inputs : what the network takes. `input_ids` has shape (n_prompts, n_columns); where rows
        share prompts these are all of one length, else each row stands there whole, right-padded
    rows : list of Row
    starts : Tensor of shape (n_rows,), the column of each row's first target token
    tails : Tensor of shape (n_rows, n_tail), target and end of turn, right-padded
    of : Tensor of shape (n_rows,), the prompt that each row continues; None: its own
    n_image_tokens : of each row
    """

    inputs: dict
    rows: list[Row]
    starts: torch.Tensor
    tails: torch.Tensor
    of: torch.Tensor | None
    n_image_tokens: list[int]

    def pin_memory(self):
        """The same batch in memory from which a GPU can fetch by itself."""
        pinned = {k: v.pin_memory() if torch.is_tensor(v) else v for k, v in self.inputs.items()}
        return replace(self, inputs=pinned, tails=self.tails.pin_memory())

    def tail_mask(self):
        """Which entries of `tails` are tokens of a row: bool Tensor of shape (n_rows, n_tail)."""
        n = torch.tensor([len(row.tail) for row in self.rows])
        return torch.arange(self.tails.shape[1]) < n[:, None]

    def positions(self):
        """Columns whose logits predict the tails: Tensor of shape (n_rows, n_tail)."""
        columns = self.starts[:, None] - 1 + torch.arange(self.tails.shape[1])
        return columns.clamp(max=self.inputs["input_ids"].shape[1] - 1)


def render(processor, prompt, *, image, placeholder=""):
    """Render the user's turn: (P, separator), P ending where the target begins.

    A blank at the end of P belongs to the target's first token, so it is moved into the
    separator; behind a line break or a special token nothing separates. No prompt and no image
    is text by itself: nothing is rendered. `placeholder` stands for the image where there is no
    chat template.

    Raises
    ------
    BadPrompt
        If the template cannot take the prompt, or leaves it out.
    """
    if not prompt and not image:
        return "", ""
    tokenizer = getattr(processor, "tokenizer", processor)
    if getattr(processor, "chat_template", None):
        content = [{"type": "image"}] * image + [{"type": "text", "text": prompt}]
        text = _chat(processor, [("user", content)], add_generation_prompt=True)
    elif getattr(tokenizer, "chat_template", None):
        content = [{"type": "text", "text": _plain(prompt, placeholder, image=image)}]
        text = _chat(tokenizer, [("user", content)], add_generation_prompt=True)
    else:
        text = _plain(prompt, placeholder, image=image)
    bare = text.rstrip(" ")
    if bare != text:
        return bare, " "
    specials = tuple(tokenizer.all_special_tokens)
    return text, "" if not text or text.endswith(("\n", *specials)) else " "


def _chat(processor, turns, *, add_generation_prompt=False):
    """Render turns of (role, parts) by the chat template.

    The date is always the same, and a model that may think before it answers is told not to.
    """
    may_think = "enable_thinking" in str(processor.chat_template)
    options = {"enable_thinking": False} if may_think else {}

    def rendered(contents):
        with _clock(FixedDate), raising(BadPrompt):
            return processor.apply_chat_template(
                [{"role": r, "content": c} for (r, _), c in zip(turns, contents, strict=True)],
                add_generation_prompt=add_generation_prompt,
                tokenize=False,
                **options,
            )

    parts = [content for _, content in turns]
    texts = ["".join(part.get("text", "") for part in content) for content in parts]
    shows_image = any(part["type"] == "image" for content in parts for part in content)
    forms = [parts] if shows_image else [parts, texts]
    if not hasattr(processor, "tokenizer"):  # the usual form in a tokenizer's template
        forms.reverse()
    for form in forms:
        text = rendered(form)
        if all(t.strip() in text for t in texts) and "{'type'" not in text:
            return text
    raise BadPrompt("the chat template leaves out what is said")


@contextmanager
def raising(kind):
    """Whatever a template or processor raises of one sample is raised as an error of `kind`."""
    try:
        yield
    except (ImportError, MemoryError, torch.OutOfMemoryError, kind):
        raise
    except Exception as error:
        memory.expect_enough(error)
        raise kind(f"{type(error).__name__}: {error}") from error


@contextmanager
def _clock(clock):
    """Let templates read another clock; transformers has no parameter for it."""
    own = chat_template_utils.datetime
    chat_template_utils.datetime = clock
    try:
        yield
    finally:
        chat_template_utils.datetime = own


def placeholders(processor):
    """What may stand for an image in a text without a chat template, the likeliest first."""
    named = [getattr(processor, name, None) for name in ("boi_token", "image_token")]
    return list(dict.fromkeys([*(str(token) for token in named if token), "<image>"]))


def _plain(prompt, placeholder, *, image):
    """Render without a chat template: the prompt as it stands, the image before it."""
    if not placeholder:
        return prompt
    if not image:
        return prompt.replace(placeholder, "")
    return prompt if placeholder in prompt else placeholder + prompt


def end_of_turn(processor):
    """Token ids that close the assistant's turn: what the template writes behind an answer, up to
    its first special token, or the tokenizer's end of sequence where there is no template.
    """
    tokenizer = getattr(processor, "tokenizer", processor)
    if not getattr(processor, "chat_template", None):
        processor = tokenizer
    if getattr(processor, "chat_template", None):
        answer = "\u2603"  # a character that no template writes by itself
        turns = [("user", "Q"), ("assistant", answer)]
        turns = [(role, [{"type": "text", "text": text}]) for role, text in turns]
        try:
            tail = _chat(processor, turns).rpartition(answer)[2]
        except BadPrompt:  # a template for a single turn
            tail = ""
        ids = tokenizer(tail, add_special_tokens=False)["input_ids"]
        for i, token in enumerate(ids):
            if token in tokenizer.added_tokens_decoder:
                return ids[: i + 1]
    return [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]


def target_row(tokenizer, text, separator, target, end_of_turn):
    """Tokenize `target` behind the rendered prompt `text`, as a Row.

    Raises
    ------
    BadTarget
        If there is none, or it changes the tokens of the prompt before the boundary.
    """
    before = tokenizer(text, add_special_tokens=False)["input_ids"]
    whole = tokenizer(
        text + separator + target, add_special_tokens=False, return_offsets_mapping=True
    )
    ids, offsets, begin = whole["input_ids"], whole["offset_mapping"], len(text) + len(separator)
    first = next((i for i, (_, end) in enumerate(offsets) if end > len(text)), len(ids))
    if ids[:first] != before[:first]:
        raise BadTarget(f"the target {target!r} changes the tokenization of the prompt before it")
    if first == len(ids) or not target:
        raise BadTarget("the target is empty")
    ends = [len(target[: max(0, end - begin)].encode()) for _, end in offsets[first:]]
    return Row(ids[first:], ends, end_of_turn, len(before) - first)


def encode_prompts(processor, texts, images):
    """Encode rendered prompts behind images, padded.

    Parameters
    ----------
    texts : list of str
    images : list of PIL.Image, one for each text

    Returns
    -------
    dict : what the network takes; vision tensors are left as the processor made them

    Raises
    ------
    ValueError
        If the processor cannot take an image.
    """
    with raising(ValueError):
        inputs = dict(
            processor(
                images=[[image] for image in images],
                text=[_with_bos(processor, text) for text in texts],
                padding=True,
                return_tensors="pt",
                add_special_tokens=_adds_bos(processor, texts[0]),
            )
        )
    inputs.pop("labels", None)
    return inputs


def encode_text(processor, texts):
    """Encode prompts without an image, right-padded; where there is no text either, the begin of
    sequence, or what separates documents in a tokenizer that has none.
    """
    tokenizer = getattr(processor, "tokenizer", processor)
    begin = tokenizer.bos_token_id
    begin = tokenizer.eos_token_id if begin is None else begin
    rows = [_text_ids(processor, text) if text else [begin] for text in texts]
    if any(not row or row == [None] for row in rows):
        raise ValueError("there is no token to condition on: the prompt is empty")
    ids = _pad(rows, tokenizer.pad_token_id or 0)
    return {"input_ids": ids, "attention_mask": _pad([[1] * len(row) for row in rows], 0)}


def _text_ids(processor, text):
    special = _adds_bos(processor, text)
    text = _with_bos(processor, text)
    return list(processor(text=[text], add_special_tokens=special)["input_ids"][0])


def _with_bos(processor, text):
    """The prompt as it is handed over: where a tokenizer would also close it, begun by hand."""
    tokenizer = getattr(processor, "tokenizer", processor)
    begins = text.startswith(tokenizer.bos_token or "\0")
    if not _closes(tokenizer) or begins:
        return text
    first = tokenizer("a")["input_ids"][0]
    return tokenizer.bos_token + text if first == tokenizer.bos_token_id else text


def _adds_bos(processor, text):
    """Whether the tokenizer is to add its special tokens: not twice, and none behind a prompt."""
    tokenizer = getattr(processor, "tokenizer", processor)
    begins = text.startswith(tokenizer.bos_token or "\0")
    return not begins and not _closes(tokenizer)


def _closes(tokenizer):
    """Whether a tokenizer puts an end of sequence behind every text (`add_eos_token`)."""
    return tokenizer("a")["input_ids"][-1] == tokenizer.eos_token_id


def _pad(rows, value):
    rows = [torch.tensor(row, dtype=torch.long) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)


def append(prompts, rows, *, pad, suffix_type):
    """Put each row behind its prompt, right-padded.

    Returns
    -------
    inputs : dict, `prompts` with every input per token lengthened
    starts : Tensor of shape (n_rows,), the column of each row's first target token
    """
    attended = prompts["attention_mask"].bool()
    kept = [
        m.nonzero()[: int(m.sum()) - r.straddle, 0] for m, r in zip(attended, rows, strict=True)
    ]
    if not all(map(len, kept)):
        raise ValueError("there is no token to condition on: the prompt is empty")
    starts = torch.tensor([len(k) for k in kept])
    shape = len(rows), max(len(k) + len(r.tail) for k, r in zip(kept, rows, strict=True))
    inputs = prompts | {
        "input_ids": torch.full(shape, pad),
        "attention_mask": torch.zeros(shape, dtype=torch.long),
    }
    per_token = {
        key: value
        for key, value in PER_TOKEN.items()
        if key in prompts and prompts[key].shape[:2] == prompts["input_ids"].shape
    }
    for key in per_token:
        old = prompts[key]
        inputs[key] = torch.zeros(*shape, *old.shape[2:], dtype=old.dtype)
    for i, (keep, row) in enumerate(zip(kept, rows, strict=True)):
        n, stop = len(keep), len(keep) + len(row.tail)
        inputs["input_ids"][i, :n] = prompts["input_ids"][i, keep]
        inputs["input_ids"][i, n:stop] = torch.tensor(row.tail)
        inputs["attention_mask"][i, :stop] = 1
        for key, behind in per_token.items():
            inputs[key][i, :n] = prompts[key][i, keep]
            behind = suffix_type if key == "token_type_ids" else behind
            inputs[key][i, n:stop] = inputs[key][i, n - 1].clone() if behind is None else behind
    return inputs, starts


def pad_tails(rows, pad):
    """The tails of `rows`, right-padded: Tensor of shape (n_rows, n_tail)."""
    return _pad([row.tail for row in rows], pad)
