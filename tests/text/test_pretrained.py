"""A pretrained language model as generator: a tiny one of GPT-2's shape, made on the spot."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from creative_gan.cli.recipes import folder as recipes
from creative_gan.core.draws import Draws
from creative_gan.core.errors import UserError
from creative_gan.core.recipe import load as load_recipe
from creative_gan.sequence.sampling import sample
from creative_gan.text.data import open_texts
from creative_gan.text.model import Manner, load
from creative_gan.text.networks import Shape
from creative_gan.text.pretrained import (
    Backbone,
    PretrainedCritic,
    PretrainedGenerator,
    PretrainedTokenizer,
    open_backbone,
)
from creative_gan.text.recipe import TextRecipe
from creative_gan.text.train import plan, train
from tests.text.test_train import stopped_at

CPU = torch.device("cpu")
END = "<|endoftext|>"


def language_model(path: Path, shape: str = "gpt2") -> Path:
    """A folder as the transformers library saves it, with random weights and a byte-level vocabulary."""
    import tokenizers
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
    )

    inner = tokenizers.ByteLevelBPETokenizer()
    texts = open_texts("builtin:verses").texts[:300]
    inner.train_from_iterator(texts, vocab_size=400, special_tokens=[END], show_progress=False)
    fast = PreTrainedTokenizerFast(tokenizer_object=inner._tokenizer, bos_token=END, eos_token=END)
    fast.save_pretrained(path)
    torch.manual_seed(0)
    if shape == "gpt2":
        sizes = GPT2Config(
            vocab_size=400, n_positions=64, n_embd=32, n_layer=2, n_head=2, initializer_range=0.2
        )
        GPT2LMHeadModel(sizes).save_pretrained(path)
    else:
        config = LlamaConfig(
            vocab_size=400, max_position_embeddings=64, hidden_size=32, intermediate_size=48,
            num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, bos_token_id=0, eos_token_id=0,
        )  # fmt: skip
        LlamaForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return language_model(tmp_path_factory.mktemp("gpt"))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Granite", {"logits_scaling": 8.0, "embedding_multiplier": 3.0}),
        ("Cohere", {"logit_scale": 0.0625}),
        ("Gemma2", {"final_logit_softcapping": 0.01, "head_dim": 8}),
        ("Bloom", {}),
        ("OPT", {"word_embed_proj_dim": 32}),
    ],
)
def test_other_families_predict_what_they_predict_by_themselves(kind: str, settings: dict, tmp_path: Path):
    import transformers

    sizes = {
        "vocab_size": 400, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, "n_layer": 2,
        "n_head": 4, "ffn_dim": 48,
        "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
    }  # fmt: skip
    made = getattr(transformers, f"{kind}Config")(**sizes | settings)
    language_model(tmp_path)
    torch.manual_seed(0)
    getattr(transformers, f"{kind}ForCausalLM")(made).save_pretrained(tmp_path)
    backbone = open_backbone(f"hf:{tmp_path}", torch.device("cpu"))
    tokens = torch.tensor([[5, 6, 7]])
    wanted = backbone.model(torch.tensor([[backbone.end, 5, 6]])).logits
    ours = backbone.logits(generator(backbone).hidden(tokens + 4))
    assert torch.allclose(ours, wanted, atol=1e-5) and wanted.abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["Roberta", "Mamba"])
def test_what_does_not_write_token_by_token_is_refused(kind: str, tmp_path: Path):
    import transformers

    sizes = {
        "vocab_size": 400, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 66, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1, "state_size": 4,
    }  # fmt: skip
    language_model(tmp_path)
    made = getattr(transformers, f"{kind}Config")(**sizes)
    getattr(transformers, f"{kind}ForCausalLM")(made).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="token by token"):
        open_backbone(f"hf:{tmp_path}", torch.device("cpu"))


def generator(backbone: Backbone, classes: int = 0) -> PretrainedGenerator:
    torch.manual_seed(1)
    return PretrainedGenerator(Shape(backbone.size + 4, 24, classes).symbols, backbone, 24, 4, 0.0, classes)


def stirred(network: torch.nn.Module) -> None:
    """Adapters that do something."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))


def test_it_begins_as_the_language_model_itself(gpt: Path):
    from transformers import AutoModelForCausalLM

    backbone = open_backbone(f"hf:{gpt}", CPU)
    plain = AutoModelForCausalLM.from_pretrained(gpt).eval()
    tokenizer = PretrainedTokenizer(backbone.tokenizer)
    text = "the sea is wide, and every wave is home;"
    ids = torch.tensor(tokenizer.encode([text]))
    assert tokenizer.decode(ids[0].tolist()) == text
    theirs = plain(torch.cat([torch.full((1, 1), backbone.end), ids - 4], 1)).logits[:, :-1].log_softmax(2)
    ours = generator(backbone)(ids).log_softmax(2)
    kept = [i for i in range(400) if i != backbone.end]
    assert torch.allclose(ours[..., [i + 4 for i in kept]], theirs[..., kept], atol=1e-5)
    assert torch.allclose(ours[..., 2], theirs[..., backbone.end], atol=1e-5)  # its end token is ours
    assert ours[..., [0, 1, 3]].max() < -1e8


@pytest.mark.parametrize("shape", ["gpt2", "llama"])
def test_decoding_with_cached_state_gives_the_logits_of_one_pass(tmp_path: Path, shape: str):
    made = generator(open_backbone(f"hf:{language_model(tmp_path / shape, shape)}", CPU), classes=3)
    stirred(made)
    label = torch.tensor([0, 1, 2])
    samples = sample(made, Draws(0, 0, 3, slice(0, 3)), 12, label)  # type: ignore[arg-type]
    logp = made(samples.tokens, label).log_softmax(2).gather(2, samples.tokens[:, :, None])[:, :, 0]
    there = torch.arange(samples.tokens.shape[1]) < samples.length[:, None]
    assert torch.allclose(logp[there], samples.logp[there], atol=1e-4)


def test_copies_share_the_backbone_and_differ_in_their_adapters_alone(gpt: Path):
    backbone = open_backbone(f"hf:{gpt}", CPU)
    first = generator(backbone)
    second = copy.deepcopy(first)
    assert second.backbone is backbone and not any("wte" in name for name in first.state_dict())
    tokens = torch.randint(4, 404, (2, 9))
    before = first(tokens)
    stirred(second)
    critic = PretrainedCritic(backbone, 4, 0.0, 0)
    stirred(critic)
    critic(tokens, torch.tensor([9, 9])).sum().backward()
    assert not torch.allclose(second(tokens), before)
    assert torch.equal(first(tokens), before)  # neither of the others has changed it
    assert all(p.grad is None for p in backbone.model.parameters())


def test_critic_judges_prefixes_causally(gpt: Path):
    critic = PretrainedCritic(open_backbone(f"hf:{gpt}", CPU), 4, 0.0, 0)
    stirred(critic)
    tokens, length = torch.randint(4, 404, (2, 8)), torch.tensor([8, 5])
    logits = critic(tokens, length)
    changed = tokens.clone()
    changed[:, 6:] = 7
    assert torch.allclose(critic(changed, length)[:, :6], logits[:, :6], atol=1e-5)
    assert logits[1, 5:].eq(0).all() and torch.equal(critic.judge(tokens, length)[1], logits[1, 4])


def small(gpt: Path, *overrides: str) -> TextRecipe:
    path, given = recipes() / "text/pretrained.toml", {"network.backbone": f"hf:{gpt}"}
    return load_recipe(
        TextRecipe, path, ["data.length=12", "watch.looks=2", *overrides], test=True, given=given
    )


def test_training_changes_adapters_alone_and_the_model_samples(gpt: Path, tmp_path: Path):
    recipe = small(gpt, "mle.lr=0.05", "budget.samples=[320, 8]")
    made = plan("builtin:verses", recipe, "text/pretrained", "cpu")
    assert made.backbone is not None
    before = {name: p.clone() for name, p in made.backbone.model.named_parameters()}
    folder = train(made, tmp_path / "run", lambda row: None)
    assert all(torch.equal(p, before[name]) for name, p in made.backbone.model.named_parameters())
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    measured = [row["heldout_nll"] for row in rows if "heldout_nll" in row]
    assert measured[-1] < measured[0] - 0.2
    assert (folder / "model.safetensors").stat().st_size < (gpt / "model.safetensors").stat().st_size
    model = load(tmp_path / "run")
    texts = model.sample(4, seed=1, prompt="the sea")
    assert all(text.startswith("the sea") for text in texts)
    assert model.sample(2, seed=1, best_of=2, prompt="the sea") != []
    assert {len(ids) for ids in model.ids(range(8), Manner(length=9), 8)} == {9}


def test_a_run_can_begin_with_adapters(gpt: Path, tmp_path: Path):
    first = train(
        plan("builtin:verses", small(gpt), "text/pretrained", "cpu"), tmp_path / "first", lambda row: None
    )
    still = small(gpt, "mle.lr=0.0", "dense.lr=0.0", f"start='{first}'")
    then = train(plan("builtin:verses", still, "text/pretrained", "cpu"), tmp_path / "then", lambda row: None)
    old, new = (load(folder).generator().state_dict() for folder in (first, then))
    assert old.keys() == new.keys() and all(torch.equal(old[name], new[name]) for name in old)


def test_stopped_in_each_phase_and_called_again_is_a_straight_run(gpt: Path, tmp_path: Path):
    made = plan("builtin:verses", small(gpt), "text/pretrained", "cpu")
    train(made, tmp_path / "straight", lambda row: None)
    for stop in (4, 12):
        stopped_at(made, stop, tmp_path / "stopped")
    train(made, tmp_path / "stopped", lambda row: None)
    for file in ("metrics.jsonl", "model/model.safetensors"):
        assert (tmp_path / "straight" / file).read_bytes() == (tmp_path / "stopped" / file).read_bytes(), file


def test_a_model_knows_when_its_backbone_is_gone_or_another(tmp_path: Path):
    path = language_model(tmp_path / "lm")
    train(plan("builtin:verses", small(path), "text/pretrained", "cpu"), tmp_path / "run", lambda row: None)
    from safetensors.torch import load_file, save_file

    tensors = load_file(path / "model.safetensors")
    tensors["transformer.h.0.mlp.c_fc.weight"] += 1
    save_file(tensors, path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="stands on another hf:"):
        load(tmp_path / "run")
    path.rename(tmp_path / "moved")
    with pytest.raises(UserError, match="stands on a language model that is not there"):
        load(tmp_path / "run")


def test_a_name_that_cannot_be_fetched_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="neither a folder here nor a language model") as error:
        open_backbone("hf:nobody/no-such-model", CPU)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="named hf:NAME"):
        open_backbone("distilgpt2", CPU)


def test_a_model_is_fetched_once_and_what_cannot_be_had_is_one_sentence_at_once(gpt: Path, tmp_path: Path):
    code = """
import os, sys, time
from tests.text.hub import hub

def opened(source):
    import torch
    from creative_gan.core.errors import UserError
    from creative_gan.text.pretrained import open_backbone
    began = time.monotonic()
    try:
        print("width", open_backbone(source, torch.device("cpu")).width)
    except UserError as error:
        print("late" if time.monotonic() - began > 20 else error)

with hub(sys.argv[1]) as address:
    os.environ["HF_ENDPOINT"] = address
    opened("hf:me/tiny")
    opened("hf:me/other")
opened("hf:me/tiny")
opened("hf:me/other")
"""
    environment = os.environ | {"HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", code, gpt], env=environment, cwd=Path(__file__).parents[2], check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    fetched, unknown, kept, missing = done.stdout.splitlines()
    assert fetched == kept == "width 32"
    assert "shows you; look at the name" in unknown
    assert "does not answer; with a network it is fetched once" in missing
    assert done.stderr == ""


def test_pickles_code_and_a_missing_tokeniser_are_refused(gpt: Path, tmp_path: Path):
    import shutil

    pickled = tmp_path / "pickled"
    shutil.copytree(gpt, pickled)
    (pickled / "model.safetensors").unlink()
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04never")
    with pytest.raises(UserError, match="pickles are never opened"):
        open_backbone(f"hf:{pickled}", CPU)
    mute = tmp_path / "mute"
    shutil.copytree(gpt, mute)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (mute / name).unlink()
    with pytest.raises(UserError, match="without a tokeniser"):
        open_backbone(f"hf:{mute}", CPU)
    foreign = tmp_path / "foreign"
    shutil.copytree(gpt, foreign)
    config = json.loads((foreign / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "m.C", "AutoModelForCausalLM": "m.M"}}
    (foreign / "config.json").write_text(json.dumps(config))
    (foreign / "m.py").write_text("raise SystemExit('ran')")
    with pytest.raises(UserError, match="never run"):
        open_backbone(f"hf:{foreign}", CPU)
