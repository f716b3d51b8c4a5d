"""Hub models of unusual kinds: converted, adapted, with code of their own; what is refused, why."""

import json
import math
import shutil

import pytest
from families import internvl_chat_layout as layout
from hub_project import PHOTOS, HubProject
from local_hub import LocalHub
from safetensors.torch import save_file

from modelmap import tables
from modelmap.models.torchvision import make_importable

make_importable()  # before transformers looks for it

import peft  # noqa: E402
import torch  # noqa: E402
from tiny import load  # noqa: E402

from modelmap.zoo import training  # noqa: E402

pytestmark = pytest.mark.slow

# A network that finds every token equally likely.
CODE = """
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput
import torch


class FlatConfig(PretrainedConfig):
    model_type = "flat"

    def __init__(self, vocab_size=1, **more):
        super().__init__(**more)
        self.vocab_size = vocab_size


class Flat(PreTrainedModel):
    config_class = FlatConfig

    def __init__(self, config):
        super().__init__(config)
        self.embedding = torch.nn.Embedding(config.vocab_size, 4)
        self.head = torch.nn.Linear(4, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.embedding

    def get_output_embeddings(self):
        return self.head

    def forward(self, input_ids, attention_mask=None, **more):
        return CausalLMOutput(logits=self.head(self.embedding(input_ids)))
"""
STATUS = "results/status.tsv"


def write_flat(folder, llama):
    """Write a checkpoint with code of its own to `folder`, with the tokenizer of `llama`."""
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(llama / name, folder)
    n_tokens = json.loads((llama / "config.json").read_text())["vocab_size"]
    classes = {"AutoConfig": "FlatConfig", "AutoModelForCausalLM": "Flat"}
    config = {
        "model_type": "flat",
        "architectures": ["Flat"],
        "auto_map": {auto: f"modeling_flat.{name}" for auto, name in classes.items()},
        "vocab_size": n_tokens,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_flat.py").write_text(CODE)
    weights = {f"{name}.weight": torch.zeros(n_tokens, 4) for name in ("embedding", "head")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_adapter(folder, base):
    torch.manual_seed(0)
    settings = {"r": 4, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False}
    network = load(base).network
    peft.get_peft_model(network, peft.LoraConfig(**settings)).save_pretrained(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    training.save(training.build("llama", ["a red circle"] * 20, 40, seed=5), folder / "llama")
    write_flat(folder / "flat", folder / "llama")
    write_adapter(folder / "lora", folder / "llama")
    layout.write(folder / "own")
    layout.write(folder / "transposed", ps_version="v1")
    with LocalHub() as hub, pytest.MonkeyPatch.context() as patch:
        for name, value in hub.environment(folder / "home").items():
            patch.setenv(name, value)
        for name in ("llama", "flat", "lora", "own", "transposed"):
            hub.add(f"org/{name}", folder / name)
        yield HubProject(folder, hub)


def commit(project, name):
    return project.hub.repos["models", f"org/{name}"].refs["main"]


def configure(project, **more_datasets):
    images = [
        {"model": "own", "repo": "org/own", "convert": "internvl_chat"},
        {"model": "unconverted", "repo": "org/own"},
        {"model": "transposed", "repo": "org/transposed", "convert": "internvl_chat"},
    ]
    texts = [
        {"model": "llama", "repo": "org/llama"},
        {"model": "adapted", "repo": "org/llama", "adapter": "org/lora"},
        {"model": "flat", "repo": "org/flat", "remote_code": commit(project, "flat")},
        {"model": "unread", "repo": "org/flat"},
    ]
    photos = PHOTOS["photos"] | {"models": [row["model"] for row in images]}
    texts_only = {"source": "stdlib", "n_samples": 4, "models": [row["model"] for row in texts]}
    datasets = {"photos": photos, "texts": texts_only} | more_datasets
    project.configure(images + texts, datasets=datasets)


@pytest.fixture(scope="module")
def finished(project):
    """The project, run once."""
    configure(project)
    project.run(STATUS)
    return project


def scores(project, dataset, model):
    """sample_id -> (log-likelihood, that of each token) of all samples, which are ok."""
    file = project.folder / f"results/scores/{dataset}/{model}/1-of-1.parquet"
    table = tables.read(file, tables.SCORES)
    assert set(table["status"]) == {"ok"}
    columns = ("sample_id", "log_likelihood", "token_log_likelihoods")
    return {sample: values for sample, *values in table.select(columns).rows()}


def test_internvls_own_layout_is_scored_where_the_sheet_says_so(finished):
    status = finished.status("photos")
    assert status["own"] == ("ok", None)
    assert len(scores(finished, "photos", "own")) == 8
    advice = "it is in InternVL's own format; set convert to internvl_chat in the sheet"
    assert status["unconverted"] == ("refused", advice)


def test_what_cannot_be_converted_is_one_explained_row(finished):
    said, reason = finished.status("photos")["transposed"]
    assert said == "refused"
    assert "ps_version 'v1'" in reason


def test_an_adapter_of_a_hub_is_put_on_its_model(finished):
    assert finished.status("texts")["adapted"] == ("ok", None)
    pairs = zip(
        scores(finished, "texts", "adapted").values(),
        scores(finished, "texts", "llama").values(),
        strict=True,
    )
    assert min(abs(a - b) for (a, _), (b, _) in pairs) > 1e-2
    assert finished.found("adapted")["adapter_source"]["commit"] == commit(finished, "lora")


def test_code_that_was_allowed_is_run_and_no_other(finished):
    n_tokens = json.loads((finished.folder / "flat/config.json").read_text())["vocab_size"]
    for total, of_tokens in scores(finished, "texts", "flat").values():
        assert of_tokens == pytest.approx([-math.log(n_tokens)] * len(of_tokens))
        assert total == pytest.approx(sum(of_tokens))
    said, reason = finished.status("texts")["unread"]
    assert said == "refused"
    assert f"set remote_code to the commit, {commit(finished, 'flat')}" in reason


def test_a_converted_checkpoint_is_removed_with_the_weights_and_made_again(finished):
    native = finished.folder / "resources/models/own.native"
    assert native.exists()
    finished.run("remove_weights")
    assert not native.exists()
    assert finished.plan(STATUS) == {}
    before = finished.scores()
    configure(finished, again=PHOTOS["photos"] | {"models": ["own"]})
    assert finished.plan(STATUS).items() >= {"fetch": 1, "convert": 1, "score": 1}.items()
    finished.run(STATUS)
    assert native.exists()
    assert finished.scores().items() >= before.items()
    assert scores(finished, "again", "own") == scores(finished, "photos", "own")
