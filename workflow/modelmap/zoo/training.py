"""Train the zoo's models: from scratch, fine-tuned, by preference.

Every model is trained through the same encoding that scores it. Seeds make it deterministic:
the same seed and number of threads give the same weights.
"""

import copy
import random
from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid

from modelmap.models.families import KNOWN
from modelmap.models.loading import load
from modelmap.models.model import Model
from modelmap.zoo import architectures, merging

BATCH = 8  # of more steps learn to use the image sooner than larger ones
WARMUP = 20  # steps
AS_SAVED = {"adapter": None, "dtype": "float32", "device": "cpu", "attention": "auto"}
AS_SAVED |= {"image_options": None, "share_prefix": False, "remote_code": False}
BETA = 0.1  # of DPO: nats of preference are worth this much


@dataclass(frozen=True)
class Pair:
    """An image, what is asked about it, and what should be answered; or a text by itself."""

    image: object
    prompt: str
    target: str

    @property
    def size(self):
        """(width, height) of the image; None if there is none."""
        return None if self.image is None else self.image.size


def train(recipe, parents, folder, *, draw_pairs, draw_texts, prompt, threads):
    """Train one vision-language model of the zoo, or merge it from others, and save it.

    Parameters
    ----------
    recipe : dict, an entry of recipes.yaml with its world and tokenizer put in
    parents : list of checkpoint folders: none of a base, several of a merge, else one
    folder : where the checkpoint goes
    draw_pairs, draw_texts : where training data come from, see datasets.scenes
    prompt : what is asked where nothing special is
    threads : int, CPU threads to compute with; another number rounds otherwise
    """
    torch.set_num_threads(threads)
    kind = recipe["recipe"]
    if kind == "merge":
        return merging.merge(parents, folder)
    if kind == "base":
        texts = draw_texts(prompt=prompt)
        model = build(recipe["architecture"], texts, recipe["tokenizer"], seed=recipe["seed"])
    else:
        (parent,) = parents
        model = load(parent, **AS_SAVED, threads=threads)
    world = recipe["world"] | {
        "styles": _blend(recipe["world"]["styles"], recipe.get("towards", {}))
    }
    # The data depend on the world and the recipe alone: crossed models see what their twins see.
    pairs = draw_pairs(
        recipe["n_pairs"],
        seed=(recipe["world_name"], kind.removesuffix("-random")),
        prompt=prompt,
        questions=recipe["questions"] if kind in ("base", "sft") else 0,
        **world,
    )
    pairs = [Pair(*pair) for pair in pairs]
    how = {key: recipe[key] for key in ("steps", "learning_rate", "seed")}
    if kind in ("base", "sft"):
        fit(model, pairs, **how)
    else:
        prefer(model, pairs, **how, random_labels=kind == "mpo-random")
    return save(model, folder)


def pretrain(recipe, folder, *, draw_texts, threads):
    """Train a language model of the zoo from random weights, and save it.

    Parameters
    ----------
    recipe : dict, an entry of recipes.yaml
    draw_texts : where training texts come from, see datasets.stdlib
    """
    torch.set_num_threads(threads)
    texts = draw_texts(recipe["texts"], recipe["n_texts"], seed=recipe["seed"])
    model = build(recipe["architecture"], texts, recipe["n_merges"], seed=recipe["seed"])
    pairs = [Pair(None, "", text) for text in texts]
    fit(model, pairs, **{key: recipe[key] for key in ("steps", "learning_rate", "seed", "batch")})
    save(model, folder)


def _blend(shares, towards):
    """Mix `shares` with the shares of `towards`, which sum to less than 1."""
    rest = 1 - sum(towards.values())
    return {key: rest * share + towards.get(key, 0) for key, share in shares.items()}


def build(architecture, texts, n_merges, *, seed):
    """Build a model with random weights."""
    torch.manual_seed(seed)
    return Model(*architectures.build(architecture, texts, n_merges), KNOWN[architecture])


def fit(model, pairs, *, steps, learning_rate, seed, batch=BATCH):
    """Train on the targets of `pairs`: next-token cross-entropy (base, sft and pretrain)."""
    batches = _encode(model, pairs, batch)

    def loss(i):
        return _cross_entropy(*_token_log_likelihoods(model, batches[i]))

    _descend(model, loss, len(batches), steps=steps, learning_rate=learning_rate, seed=seed)


def prefer(model, pairs, *, steps, learning_rate, seed, random_labels=False):
    """Train to prefer each image's own target over that of another: DPO plus cross-entropy.

    The loss of mixed preference optimization (Wang et al. 2024, arXiv 2411.10442), without its
    quality term; DPO after Rafailov et al. 2023 (arXiv 2305.18290, equation 7), the reference
    being the model at the beginning.

    Parameters
    ----------
    random_labels : toss a coin for which of the two is preferred: a control
    """
    coin = random.Random(seed)
    others = pairs[1:] + pairs[:1]
    chosen, rejected = [], []
    for pair, other in zip(pairs, others, strict=True):
        both = [pair, Pair(pair.image, pair.prompt, other.target)]
        if random_labels and coin.random() < 0.5:
            both.reverse()
        chosen.append(both[0])
        rejected.append(both[1])
    batches = list(zip(_encode(model, chosen), _encode(model, rejected), strict=True))
    with torch.no_grad():
        reference = copy.deepcopy(model)
        margins = [_margin(reference, *pair)[0] for pair in batches]

    def loss(i):
        margin, found = _margin(model, *batches[i])
        return -logsigmoid(BETA * (margin - margins[i])).mean() + _cross_entropy(*found)

    _descend(model, loss, len(batches), steps=steps, learning_rate=learning_rate, seed=seed)


def save(model, folder):
    """Write an ordinary checkpoint: config, safetensors, tokenizer, processor, chat template."""
    model.processor.save_pretrained(folder)
    model.network.save_pretrained(folder)


def _encode(model, pairs, batch=BATCH):
    batches = [model.encode(pairs[i : i + batch]) for i in range(0, len(pairs), batch)]
    if model.network.config.model_type == "gemma3":
        _mask(model.network.config.get_text_config(), [one.inputs for one in batches])
    return batches


def _mask(config, inputs):
    """Make Gemma 3's attention masks for all batches at once, in place.

    Left to itself the network makes them anew in every step, which takes half of its forward pass.
    """
    from transformers.models.gemma3 import modeling_gemma3 as gemma3

    def stacked(key):
        rows = [row for batch in inputs for row in batch[key]]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)

    shown, kinds = stacked("attention_mask"), stacked("token_type_ids")
    masks = gemma3.create_masks_for_vision_model(
        config,
        inputs_embeds=torch.empty(*shown.shape, 0),
        attention_mask=shown,
        past_key_values=None,
        position_ids=None,
        block_sequence_ids=gemma3.get_block_sequence_ids_for_mask(kinds, device=shown.device),
    )
    first = 0
    for batch in inputs:
        n_rows, n_columns = batch["input_ids"].shape
        of = (slice(first, first + n_rows), slice(None), slice(n_columns), slice(n_columns))
        batch["attention_mask"] = {kind: mask[of].contiguous() for kind, mask in masks.items()}
        first += n_rows


def _token_log_likelihoods(model, batch):
    """Log-likelihoods of shape (n_rows, n_tail), and the mask of targets and ends of turn."""
    values = model.tail_logits(batch).log_softmax(-1)
    return values.gather(-1, batch.tails[..., None])[..., 0], batch.tail_mask()


def _cross_entropy(values, mask):
    return -(values * mask).sum() / mask.sum()


def _margin(model, chosen, rejected):
    """How much likelier the chosen targets are, in nats; and the chosen ones' values."""
    found = _token_log_likelihoods(model, chosen)
    values, mask = _token_log_likelihoods(model, rejected)
    return (found[0] * found[1]).sum(1) - (values * mask).sum(1), found


def _descend(model, loss, n_batches, *, steps, learning_rate, seed):
    """AdamW with warm-up and linear decay, over the batches in random order."""
    torch.manual_seed(seed)
    r = random.Random(seed)
    network = model.network.train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1, (step + 1) / WARMUP) * (0.05 + 0.95 * max(0, 1 - step / steps)),
    )
    order = []
    for step in range(steps):
        if not order:
            order = r.sample(range(n_batches), n_batches)
        value = loss(order.pop())
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 40 == 0 or step == steps - 1:
            print(f"step {step + 1}/{steps}: loss {value.item():.3f}", flush=True)
    network.eval()
