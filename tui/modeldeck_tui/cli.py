"""The command line: options, commands, and one place where errors become exit codes.

Commands load what they need when they run, so that ``modeldeck --help`` is quick; only a terminal
without a command loads the screen.
"""

from __future__ import annotations

import copy
import functools
import gc
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import core

from modeldeck.errors import ModelDeckError, NotFoundError, UsageError
from modeldeck_tui.clean import clean
from modeldeck_tui.commands import (
    datasets,
    deployments,
    gates,
    logs,
    models,
    moving,
    releases,
    remarks,
    reviews,
    runs,
    workspaces,
)
from modeldeck_tui.commands import exec as execution
from modeldeck_tui.commands.base import WITH_VALUE, Group, Looks, Session, hoisted
from modeldeck_tui.commands.governing import (
    exceptions,
    history,
    ledger,
    members,
    policies,
    reviewing,
    upkeep,
)
from modeldeck_tui.commands.talking import notifying, threads
from modeldeck_tui.output import Printer, error_document, write_bug_report

_MANY_DIGITS = 10

HELP = """The flight deck for a team's models: train, test, approve, deploy, serve, watch.

Without a command, in a terminal, the screen opens. -w, --key, --json, --as-of and --read-only may
stand anywhere. Exit codes: 0 ok, 1 bug, 2 usage, 3 not found, 4 invalid input, 5 conflict, 6 not
permitted, 7 gate failed, 8 drift, 9 insufficient data, 10 damage, 11 tampering, 12 unavailable.
"""

app = typer.Typer(
    cls=Group,
    help=HELP,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
workspaces.register(app)
app.add_typer(runs.app, name="run")
runs.register(app)
app.add_typer(datasets.app, name="dataset")
execution.register(app)
app.add_typer(models.app, name="model")
app.add_typer(moving.import_app, name="import")
app.add_typer(moving.export_app, name="export")
moving.register(app)
app.add_typer(gates.app, name="gate")
app.add_typer(releases.app, name="release")
reviews.register(app, releases.app)
exceptions.register(releases.app, deployments.app)
reviewing.register(releases.app)
app.add_typer(deployments.app, name="deploy")
deployments.register(app)
logs.register(app)
ledger.register(app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(history.app, name="workspace")
app.add_typer(members.app, name="member")
app.add_typer(policies.app, name="policy")
upkeep.register(app)
app.add_typer(remarks.app, name="annotation")
remarks.register(app)
app.add_typer(threads.app, name="thread")
app.add_typer(notifying.app, name="notify")

WorkspaceOption = Annotated[
    str,
    typer.Option(
        "-w",
        "--workspace",
        metavar="PATH",
        help="The workspace; else MODELDECK_WORKSPACE, else upwards from the working directory.",
    ),
]
KeyOption = Annotated[
    str, typer.Option("--key", metavar="FILE", help="SSH key to act and sign with.")
]


def _show_version(value: bool) -> None:
    if value:
        from modeldeck import __version__

        sys.stdout.write(f"modeldeck {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    workspace: WorkspaceOption = "",
    key: KeyOption = "",
    is_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    is_read_only: Annotated[
        bool,
        typer.Option("--read-only", envvar="MODELDECK_READONLY", help="Refuse every write."),
    ] = False,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of", metavar="TIME", help="Show it as it was: 2026-11-23T14:03, 2h, or entry N."
        ),
    ] = "",
    theme: Annotated[
        str,
        typer.Option(
            envvar="MODELDECK_THEME",
            help="ansi, dark, light, high-contrast, colour-blind, or yours.",
        ),
    ] = "",
    is_ascii: Annotated[
        bool, typer.Option("--ascii", help="Draw the screen with ASCII characters.")
    ] = False,
    is_slow: Annotated[
        bool, typer.Option("--slow", help="Few frames, as over SSH, for a slow line.")
    ] = False,
    version: Annotated[  # noqa: ARG001 -- its callback does the work
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that stand before every command."""
    session = Session(
        _open_screen,
        workspace=workspace,
        key=key,
        is_read_only=is_read_only,
        as_of=as_of,
        looks=Looks(theme, is_ascii=is_ascii or not _is_unicode(), is_slow=is_slow),
    )
    session.printer.is_json = is_json
    context.obj = session
    if context.invoked_subcommand is None:
        _open(context)


def _is_unicode() -> bool:
    """Say whether the terminal shows more than ASCII, as far as the environment tells."""
    encoding = (sys.stdout.encoding or "") if sys.stdout is not None else ""
    return encoding.lower().replace("-", "") == "utf8"


def _open_screen(
    session: Session,
    *,
    path: str = "",
    user: str = "",
    logs: Sequence[str] = (),
    asked: str = "",
) -> None:
    if session.looks.is_slow:
        os.environ["MODELDECK_SLOW"] = "1"  # read when Textual is imported
    gc.disable()  # until the screen shows, which takes four fifths of the time then
    from modeldeck_tui.app import run_screen

    run_screen(
        path or session.workspace,
        user=user,
        key=session.key,
        is_read_only=session.is_read_only,
        as_of=session.as_of,
        theme=session.looks.theme,
        is_ascii=session.looks.is_ascii,
        logs=logs,
        asked=asked,
    )


def _is_in_workspace() -> bool:
    from modeldeck.workspace import find_root

    try:
        find_root()
    except NotFoundError:
        return False
    return True


def _begin(context: typer.Context) -> None:
    """Ask a person who is in no workspace what to begin with."""
    from modeldeck_tui.hosting.first_run import chosen

    session: Session = context.obj
    is_ascii = session.looks.is_ascii
    choice = chosen(is_ascii=is_ascii)
    if choice == "demo":
        workspaces.demo(context, Path("modeldeck-demo"), headless=False)
    elif choice == "init":
        workspaces.init(context, Path.cwd())
        _open_screen(session)


def _open(context: typer.Context) -> None:
    """Open the screen; without a terminal print what it would show first."""
    session: Session = context.obj
    if sys.stdin.isatty() and sys.stdout.isatty() and not session.is_json:
        if session.workspace or _is_in_workspace():
            _open_screen(session)
        else:
            _begin(context)
        return
    workspaces.show_overview(session)


def _usage_error(error: Any, printer: Printer) -> int:  # noqa: ANN401 -- Typer's own class, not public
    """Show what is put wrongly, also as a document; return the exit code."""
    error.show()
    if printer.is_json:
        known = UsageError(
            str(error.format_message()).partition("\n")[0], "`--help` shows how it is put."
        )
        printer.document({"error": error_document(known)})
    return int(error.exit_code)


def _meant(arguments: Sequence[str]) -> typer.Typer:
    """Return the program with the one command, or group of commands, that the arguments name.

    Typer reads the parameters of every command at each start, which takes longer than most
    commands; where no name fits exactly it gets all of them, to say which there are.
    """
    words = iter(arguments)
    for word in words:
        if word in {*WITH_VALUE, "--theme"}:
            next(words, None)
        elif not word.startswith("-"):
            only = copy.copy(app)
            only.registered_groups = [one for one in app.registered_groups if one.name == word]
            only.registered_commands = [
                one for one in app.registered_commands if _name(one) == word
            ]
            return only if only.registered_groups or only.registered_commands else app
    return app


class _Plain:
    """Takes a parameter's value as it is where that has the right type already.

    Typer asks Pydantic for each, whose loading takes as long as most commands do. A text for a text
    is right, and so is every default; all else goes Typer's own way.
    """

    def __init__(self, parameter: Any, usual: Callable[[Any], Any]) -> None:  # noqa: ANN401 -- Typer's own class
        self._parameter, self._usual = parameter, usual

    def coerce(self, value: object, **about: object) -> object:
        """Return the value as the command's function gets it."""
        parameter = self._parameter
        is_one = parameter.nargs == 1 and not parameter.multiple
        if value is None:
            return None if is_one else ()
        kind = parameter.type_descriptor.annotation
        if is_one and kind in {bool, int, str} and type(value) is kind:
            return value
        if kind == list[str] and isinstance(value, list | tuple) and _are_texts(value):
            return [*value]
        if is_one and kind is int and isinstance(value, str) and self._is_count(value):
            return int(value)
        return self._usual(parameter).coerce(value, **about)

    def _is_count(self, text: str) -> bool:
        """Say whether a text is a whole number, in ASCII digits, within the parameter's bounds."""
        about = self._parameter.type_descriptor.parameter_info
        if not (text.isascii() and text.isdecimal() and len(text) < _MANY_DIGITS):
            return False
        is_enough = about.min is None or int(text) >= about.min
        return is_enough and (about.max is None or int(text) <= about.max) and not about.clamp


def _are_texts(values: Iterable[object]) -> bool:
    return all(type(one) is str for one in values)


def _spare_pydantic() -> None:
    """Let plain parameters be read without Pydantic.

    Versions of Typer that read values themselves do not ask for what is put here.
    """
    for kind in (core.TyperOption, core.TyperArgument):
        usual = getattr(kind, "get_runtime_param", None)
        if usual is not None:
            kind.get_runtime_param = functools.partialmethod(_Plain, usual)  # type: ignore[assignment]


def _name(command: typer.models.CommandInfo) -> str:
    return command.name or getattr(command.callback, "__name__", "").replace("_", "-")


def main() -> None:
    """Run the program; what goes wrong becomes a sentence and an exit code."""
    sys.argv[1:] = hoisted(sys.argv[1:])
    printer = Printer(clean)
    printer.is_json = "--json" in sys.argv
    try:
        _spare_pydantic()
        sys.exit(_meant(sys.argv[1:])(prog_name="modeldeck", standalone_mode=False) or 0)
    except ModelDeckError as error:
        sys.exit(printer.error(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 -- put wrongly, or a bug: told, never a traceback
        if hasattr(error, "format_message"):  # of Typer: it shows itself, with the usage
            sys.exit(_usage_error(error, printer))
        path = write_bug_report(error)
        printer.say(f"ModelDeck has a bug: {type(error).__name__}. Please report {path}")
        sys.exit(1)


if __name__ == "__main__":
    main()
