"""`creative-gan text`: train, generate, evaluate, report, export, check."""

from pathlib import Path
from typing import Any

import click

from creative_gan import api
from creative_gan.cli import commands, options, terminal
from creative_gan.core.errors import UserError

BEST_OF = click.option(
    "--best-of", type=click.IntRange(1), default=1, help="The critic chooses each text among so many."
)


@click.group()
def text() -> None:
    """Texts: train on poems, captions or any lines of your own, write new ones, judge them.

    \b
    creative-gan text generate --model runs/poems -n 5
    """


@text.command()
@options.DATA
@options.RECIPE
@click.option(
    "--generator", metavar="hf:NAME", help="Start from a pretrained language model, by name or folder."
)
@options.budget("texts")
@options.SET
@click.option(
    "--constant-reward", is_flag=True, help="Control run: every reward is 1, so the critic says nothing."
)
@options.training("a corpus with broken files or rows", "sizes")
def train(
    data: str,
    recipe_name: str | None,
    generator: str | None,
    out: Path | None,
    samples: int | None,
    minutes: float | None,
    overrides: tuple[str, ...],
    constant_reward: bool,
    seed: int | None,
    device: str,
    start: str | None,
    new: bool,
    strict: bool,
    dry_run: bool,
    trackers: str,
    quiet: bool,
) -> None:
    """Train on DATA: a .txt with a text a line, a .jsonl, a .csv, a folder, or builtin:verses.

    There is builtin:verses-zh too, in Chinese. The same command again goes on with a run that was stopped.

    \b
    creative-gan text train poems.txt --minutes 30
    creative-gan text train builtin:verses --minutes 5
    """
    given = commands.given(samples, minutes, seed)
    if generator:
        given |= {"network.name": "pretrained", "network.backbone": generator}
    if constant_reward:
        given |= {"seqgan.constant_reward": True, "dense.constant_reward": True}
    name = recipe_name or ("pretrained" if generator else None)
    job = api.prepare(
        "text", data, name, out, given=given, overrides=overrides, start=start, device=device, strict=strict,
        report=terminal.remark(quiet),
    )  # fmt: skip
    if constant_reward and not {"seqgan", "dense"} & {phase.game for phase in job.plan.recipe.phase}:
        raise UserError(f"--constant-reward is for seqgan and dense; recipe {job.recipe} has no rewards")
    then = ["text generate --model MODEL -n 10", "text evaluate --model MODEL --verdict"]
    commands.train(job, "texts", new, dry_run, trackers, quiet, then)


@text.command()
@options.MODEL
@click.option("-n", "count", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    default=Path("-"),
    help="A .txt or .jsonl; else the screen.",
)
@click.option("--prompt", default="", help="What each text begins with.")
@options.CLASS
@click.option(
    "--temperature",
    type=options.Number(0, 10),
    default=0.8,
    show_default=True,
    help="Less is safer and less varied; 1 is what was learnt.",
)
@click.option("--top-k", type=click.IntRange(0), default=0, help="Only the k likeliest tokens.")
@click.option(
    "--top-p",
    type=options.Number(0, 1, min_open=True),
    default=1.0,
    help="Only the likeliest tokens of this probability.",
)
@click.option(
    "--length",
    type=click.IntRange(1),
    metavar="TOKENS",
    help="Exactly so many tokens, the prompt's among them; else to the end of each text.",
)
@BEST_OF
@options.WEIGHTS
@options.MADE
def generate(
    model_name: str,
    count: int,
    out: Path,
    prompt: str,
    label: str | None,
    temperature: float,
    top_k: int,
    top_p: float,
    length: int | None,
    best_of: int,
    weights: str | None,
    seed: int,
    metadata: bool,
    overwrite: bool,
) -> None:
    """Write new texts.

    \b
    creative-gan text generate --model runs/poems -n 5
    creative-gan text generate --model runs/poems -n 500 --out new.txt --seed 7 --best-of 4
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.text.again import named
    from creative_gan.text.export import write_texts
    from creative_gan.text.model import Manner, load

    if str(out) != "-":
        ensure_free(out, overwrite)
    model, indices = load(model_name), range(count)
    manner = Manner(seed, prompt, label, temperature, top_k, top_p, best_of, weights, length)
    made = model.write(indices, manner)
    origin = model.origin(count, manner) if metadata else None
    if write_texts(made, out, origin, named(model, indices, manner), overwrite):
        terminal.say(f"wrote {out}: {count} texts")


@text.command()
@options.MODEL
@options.judged_by("texts")
@click.option(
    "-n",
    "count",
    type=click.IntRange(10),
    help="How many samples to judge: 1000, or for a verdict 500 of each of six seeds.",
)
@click.option("--temperature", type=options.Number(0, 10), default=1.0, show_default=True)
@BEST_OF
@options.WEIGHTS
@click.option(
    "--verdict",
    is_flag=True,
    help="Is it better than maximum likelihood at the same diversity? The winner is kept.",
)
@options.BASELINE
@options.SEED
@options.JSON
def evaluate(
    model_name: str,
    data: str | None,
    count: int | None,
    temperature: float,
    best_of: int,
    weights: str | None,
    verdict: bool,
    baseline: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge a model against held-out texts, with what real texts score beside each figure.

    \b
    creative-gan text evaluate --model runs/poems
    creative-gan text evaluate --model runs/poems --verdict
    creative-gan text evaluate --model runs/poems --verdict --baseline runs/likelihood
    """
    if baseline and not verdict:
        raise click.UsageError("--baseline is for --verdict; add it")
    from creative_gan.text import evaluate as judging
    from creative_gan.text import verdict as verdicts
    from creative_gan.text.model import Manner

    result: dict[str, Any]
    if verdict:
        unheeded = "temperature", "best_of", "weights", "seed"
        options.beside("verdict", unheeded, "sweeps both weights over temperatures")
        result = verdicts.verdict(model_name, data, count or 500, baseline=baseline)
        lines, kept = result["says"], verdicts.keep(model_name, result)
    else:
        manner = Manner(seed, temperature=temperature, best_of=best_of, weights=weights)
        result = judging.evaluate(model_name, data, count or 1000, manner)
        lines, kept = judging.table(result), None
    terminal.show(result, lines, as_json)
    if kept:
        terminal.say(kept)


@text.command()
@options.MODEL
@click.option("--out", type=options.PATH, required=True, help="A folder.")
@options.OVERWRITE
def export(model_name: str, out: Path, overwrite: bool) -> None:
    """Export a model: a folder to share, which generates the same texts.

    \b
    creative-gan text export --model runs/poems --out poems-model
    """
    from creative_gan.core.files import ensure_free
    from creative_gan.text.model import load
    from creative_gan.text.share import write_shared

    ensure_free(out, overwrite)
    write_shared(load(model_name), out, overwrite)
    terminal.say(f"wrote {out}")


@text.command()
@options.DATA
@options.JSON
def check(data: str, as_json: bool) -> None:
    """Look at DATA before training: counts, lengths, vocabularies, broken files, and is it enough.

    \b
    creative-gan text check poems.txt
    """
    import dataclasses

    from creative_gan.text.check import check_texts, sentences
    from creative_gan.text.data import open_texts

    found = check_texts(open_texts(data))
    terminal.show(dataclasses.asdict(found), sentences(found), as_json)


@text.command()
@options.report("texts")
def report(run: Path, out: Path | None, overwrite: bool, data: str | None) -> None:
    """Make a page of RUN: samples, curves, figures beside those of real texts, and whether it copies.

    It is made at the end of every training, too (unless --set watch.report=false).

    \b
    creative-gan text report runs/poems
    """
    commands.report("text", run, out, overwrite, data)


text.add_command(generate, "sample")
