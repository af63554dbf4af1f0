"""``exec``: any program as a run."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from modeldeck_tui.commands.base import session_of

_ANYWHERE = {"allow_interspersed_args": False}


def register(main: typer.Typer) -> None:
    """Add the command."""
    main.command("exec", context_settings=_ANYWHERE)(execute)


def execute(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="The program and its arguments.")
    ],
    *,
    experiment: Annotated[
        str, typer.Option(help="What the run belongs to; else the program says, or is called so.")
    ] = "",
    name: Annotated[str, typer.Option(help="What people call the run.")] = "",
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=VALUE]", help="A tag; may be repeated.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Kept with the run; the program finds MODELDECK_SEED.")
    ] = None,
) -> None:
    """Run any program as a run; its exit code becomes that of this command."""
    session = session_of(context)
    with session.open() as workspace:
        words = workspace.training.execution(
            command,
            experiment=experiment,
            name=name,
            parameters={key: _value(one) for key, one in _pairs(param, needs_value=True)},
            tags=dict(_pairs(tag, needs_value=False)),
            seed=seed,
            is_json=session.is_json,
        )
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.execv(words[0], [*words])  # noqa: S606 -- this process becomes the job


def _pairs(given: list[str] | None, *, needs_value: bool) -> list[tuple[str, str]]:
    from modeldeck.errors import UsageError

    found = []
    for text in given or ():
        key, equals, value = text.partition("=")
        if not key.strip() or (needs_value and not equals):
            msg = f"{text[:80]!r} is no {'NAME=VALUE' if needs_value else 'NAME[=VALUE]'}."
            raise UsageError(msg, "Such as --param depth=3 --tag baseline.")
        found.append((key.strip(), value))
    return found


def _value(text: str) -> object:
    """Return a number or truth value as what it is, and anything else as text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, bool | int | float) else text
