"""A sample as a row of tokens: rendered prompt, image tokens, target, end of turn.

One recipe for every family:

    P = "<|im_start|>user <image>Describe the image.<|im_end|><|im_start|>assistant"   rendered
    row = [ tokens of P, the image placeholder expanded | target | end of turn | padding ]
                                                          ^^^^^^ scored

The prompt and the image are conditions and never scored. P, a separator and the target are
tokenized as one text, and the target's tokens are those that end beyond P: what a model would
have to generate. (Tokenizing prompt and target apart breaks wherever a token spans the boundary.)
"""

from dataclasses import dataclass

import torch

PER_TOKEN = ("token_type_ids", "mm_token_type_ids")  # the target's tokens are text: 0 in both


class BadTarget(ValueError):
    """A target that cannot stand behind its prompt; `status` is that of its row."""

    status = "target_error"


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


@dataclass(frozen=True)
class Batch:
    """Encoded samples, right-padded.

    inputs : what the network takes; `input_ids` has shape (n_rows, n_columns)
    starts : the column of each row's first target token
    rows : what stands there
    n_image_tokens : of each row
    """

    inputs: dict
    starts: list[int]
    rows: list[Row]
    n_image_tokens: list[int]

    def columns(self):
        """The columns that hold a target or an end of turn in any row, as one range."""
        stops = (
            s + len(r.target) + len(r.end_of_turn)
            for s, r in zip(self.starts, self.rows, strict=True)
        )
        return range(min(self.starts), max(stops))


def render(processor, prompt, *, image):
    """Render the user's turn: (P, separator), P ending where the target begins.

    A blank at the end of P belongs to the target's first token, so it is moved into the
    separator; behind a line break or a special token nothing separates.
    """
    if getattr(processor, "chat_template", None):
        content = [{"type": "image"}] * image + [{"type": "text", "text": prompt}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
    else:
        text = _plain(processor, prompt, image=image)
    bare = text.rstrip(" ")
    if bare != text:
        return bare, " "
    specials = tuple(processor.tokenizer.all_special_tokens)
    return text, "" if not text or text.endswith(("\n", *specials)) else " "


def _plain(processor, prompt, *, image):
    """Render without a chat template: the prompt as it stands, the image before it."""
    placeholder = getattr(processor, "boi_token", None) or processor.image_token
    if not image:
        return prompt.replace(placeholder, "")
    return prompt if placeholder in prompt else placeholder + prompt


def end_of_turn(processor):
    """Token ids that close the assistant's turn: what the template writes behind an answer, up to
    its first special token, or the tokenizer's end of sequence where there is no template.
    """
    tokenizer = processor.tokenizer
    if getattr(processor, "chat_template", None):
        answer = "\u2603"  # a character that no template writes by itself
        turns = [("user", "Q"), ("assistant", answer)]
        turns = [{"role": r, "content": [{"type": "text", "text": t}]} for r, t in turns]
        tail = processor.apply_chat_template(turns, tokenize=False).rpartition(answer)[2]
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
        If the target changes the tokens of the prompt before the boundary.
    """
    before = tokenizer(text, add_special_tokens=False)["input_ids"]
    whole = tokenizer(
        text + separator + target, add_special_tokens=False, return_offsets_mapping=True
    )
    ids, offsets, begin = whole["input_ids"], whole["offset_mapping"], len(text) + len(separator)
    first = next((i for i, (_, end) in enumerate(offsets) if end > len(text)), len(ids))
    if ids[:first] != before[:first]:
        raise BadTarget(f"the target {target!r} changes the tokenization of the prompt before it")
    ends = [len(target[: max(0, end - begin)].encode()) for _, end in offsets[first:]]
    return Row(ids[first:], ends, end_of_turn, len(before) - first)


def encode(processor, texts, images, rows, *, image_token_id):
    """Encode samples for the network.

    Parameters
    ----------
    texts : list of str, the rendered prompts
    images : list of PIL.Image, one for each text, or None for text alone
    rows : list of Row
    image_token_id : int, the token that stands for a part of an image

    Returns
    -------
    Batch, on the CPU. Vision tensors are left as the processor made them.

    Raises
    ------
    ValueError
        If the processor cannot take an image, or a prompt is empty.
    """
    tokenizer = processor.tokenizer
    bos = tokenizer.bos_token
    prompts = dict(
        processor(
            images=None if images is None else [[image] for image in images],
            text=list(texts),
            padding=True,
            return_tensors="pt",
            add_special_tokens=not (bos and texts[0].startswith(bos)),
        )
    )
    attended = prompts.pop("attention_mask").bool()
    ids = prompts.pop("input_ids")
    kept = [
        m.nonzero()[: int(m.sum()) - r.straddle, 0] for m, r in zip(attended, rows, strict=True)
    ]
    if not all(map(len, kept)):
        raise ValueError("there is no token to condition on: the prompt is empty")
    tails = [torch.tensor(r.target + r.end_of_turn, dtype=torch.long) for r in rows]
    shape = len(rows), max(len(k) + len(t) for k, t in zip(kept, tails, strict=True))

    pad = tokenizer.pad_token_id or 0
    inputs = prompts | {
        "input_ids": torch.full(shape, pad),
        "attention_mask": torch.zeros(shape, dtype=torch.long),
    }
    per_token = [key for key in PER_TOKEN if key in prompts]
    inputs |= {key: torch.zeros(shape, dtype=prompts[key].dtype) for key in per_token}
    for i, (keep, tail) in enumerate(zip(kept, tails, strict=True)):
        n = len(keep)
        inputs["input_ids"][i, :n] = ids[i, keep]
        inputs["input_ids"][i, n : n + len(tail)] = tail
        inputs["attention_mask"][i, : n + len(tail)] = 1
        for key in per_token:
            inputs[key][i, :n] = prompts[key][i, keep]
    n_image_tokens = (inputs["input_ids"] == image_token_id).sum(1).tolist()
    return Batch(inputs, [len(keep) for keep in kept], rows, n_image_tokens)
