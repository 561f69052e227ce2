"""What a shell may complete: models, recipes, data and classes."""

import json
from pathlib import Path

import click
from click.shell_completion import CompletionItem

BUILTIN = {
    "image": ("builtin:art", "builtin:digits"),
    "music": ("builtin:drums", "builtin:tunes"),
    "text": ("builtin:verses", "builtin:verses-zh"),
}
"""The data that the package makes itself, by group."""


def complete_model(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped models and finished runs that begin so; folders where there is none."""
    from creative_gan.core.models import DEFAULTS, shipped_names

    group = ctx.parent.info_name if ctx.parent else None
    shipped = [name for kind in DEFAULTS if group in (kind, "models", None) for name in shipped_names(kind)]
    runs = [
        path.parent.parent.as_posix()
        for path in sorted(Path("runs").glob("*/model/config.json"))
        if group in (_modality(path), "models", None)
    ]
    found = [CompletionItem(name) for name in [*shipped, *runs] if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="dir")]


def _modality(config: Path) -> str:
    try:
        return str(json.loads(config.read_bytes())["modality"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""


def complete_recipe(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped recipes that begin so, of the group's own modality by their short names; files where there is none."""
    from creative_gan.core.recipe import shipped_names

    prefix = f"{ctx.parent.info_name}/" if ctx.parent else ""
    names = shipped_names()
    own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    found = [CompletionItem(name) for name in own or names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def complete_data(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders; the built-in sets of the group once it is clear that one of them is meant."""
    group = (ctx.parent.info_name if ctx.parent else None) or ""
    found = [CompletionItem(name) for name in BUILTIN.get(group, ()) if name.startswith(incomplete)]
    return found if incomplete and found else [CompletionItem(incomplete, type="file")]


def complete_class(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The classes of the model that is named before, or of the group's default."""
    from creative_gan.core.errors import UserError
    from creative_gan.core.models import default, facts, find

    assert ctx.parent is not None and ctx.parent.info_name is not None
    group = ctx.parent.info_name
    try:
        known = facts(find(ctx.params.get("model_name") or default(group), group))["classes"]
    except UserError:
        return []
    return [CompletionItem(str(name)) for name in known if str(name).startswith(incomplete)]
