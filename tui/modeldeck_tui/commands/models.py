"""``model register|list|show|card|example|diff|versions|revoke``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modeldeck.domain.documents import VersionDocument

app = group("Models and their versions.")
NONE_YET = (
    "There are no models yet. `modeldeck model register RUN --name MODEL` makes a version of a run."
)


@app.command("register")
def register_model(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="RUN|FILE", help="A run, or a .skops file.")],
    name: Annotated[str, typer.Option("--name", help="The model's name.")],
) -> None:
    """Turn a run, or a model file, into a version."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.models.register(source, name)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.line(f"{found['id']} is registered ({found['manifest'][:12]}).")
    session.printer.say(f"Next: `modeldeck release request {found['id']} --environment E`.")


@app.command("list")
def list_models(context: typer.Context) -> None:
    """List models."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.models.list()
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["MODEL", "VERSIONS", "LATEST", "LIVE", "OWNER"],
        [
            [
                one["name"],
                str(one["versions"]),
                one["latest"],
                ", ".join(f"{version} in {where}" for where, version in one["live"].items()),
                one["owner"],
            ]
            for one in found
        ],
        empty=NONE_YET,
    )


@app.command("show")
def show_model(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, or a version of it.")],
) -> None:
    """Show one model with its versions, or one version."""
    session = session_of(context)
    with session.open() as workspace:
        if "@" in model:
            version = workspace.models.version(model)
            data = workspace.datasets.known_as(version.get("data", ""))
            _show_version(session, version, data=data)
            return
        found = workspace.models.show(model)
        versions = workspace.models.versions(found["name"])
    if session.is_json:
        session.printer.document({**found, "all_versions": versions})
        return
    session.printer.fields([("model", found["name"]), ("owner", found["owner"])])
    session.printer.line()
    _table(session, versions)


@app.command("card")
def show_card(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As churn@7.")],
) -> None:
    """Print a version's model card, as Markdown."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.models.card(version)
    if session.is_json:
        session.printer.document({"version": version, "card": found})
        return
    for line in found.splitlines():
        session.printer.line(line)


@app.command("example")
def show_example(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As churn@7.")],
) -> None:
    """Print a request that a version answers, as JSON for `curl … -d @-`.

    The rows are those that were kept when the model was saved. An endpoint takes them at
    http://ADDRESS/predict/MODEL, with the header Content-Type: application/json.
    """
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.models.example(version)
    session.printer.document(found)


@app.command("diff")
def show_diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="VERSION", help="As churn@6.")],
    *,
    after: Annotated[str, typer.Argument(metavar="VERSION", help="As churn@7.")],
) -> None:
    """Show what differs between two versions: metrics, parameters, data, libraries, size."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.models.diff(before, after)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["", "WHAT", before.upper(), after.upper(), "CHANGE"],
        [[one["section"], one["name"], one["before"], one["after"], one["delta"]] for one in found],
        empty="Nothing that is kept with them differs.",
    )


@app.command("revoke")
def revoke_version(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As churn@7.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
) -> None:
    """Revoke a version for good: it is released nowhere any more, and no endpoint goes back to it.

    Owners may, and who has one of the policy's rollback_roles. What serves it goes on until
    somebody rolls it back.
    """
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.models.revoke(version, reason)
        served = [
            one["id"] for one in workspace.deployments.list() if one["version"] == found["id"]
        ]
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.line(f"{found['id']} is revoked.")
    for endpoint in served:
        back = f"`modeldeck deploy rollback {endpoint} --reason TEXT`"
        session.printer.say(f"{endpoint} still serves it: {back}.")


@app.command("versions")
def list_versions(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="Only of this model.")] = "",
) -> None:
    """List model versions."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.models.versions(model)
    if session.is_json:
        session.printer.document(found)
    else:
        _table(session, found)


def _table(session: Session, versions: Sequence[VersionDocument]) -> None:
    session.printer.table(
        ["VERSION", "BY", "REGISTERED", "SIZE", "ENVIRONMENTS", "METRICS"],
        [
            [
                one["id"],
                one["registered_by"],
                output.moment(one["registered_at"]),
                output.size(one["size_bytes"]),
                ", ".join(f"{where}: {status}" for where, status in one["environments"].items()),
                "  ".join(f"{name} {output.number(v)}" for name, v in one["metrics"].items()),
            ]
            for one in versions
        ],
        empty=NONE_YET,
    )


def _revoked(version: VersionDocument) -> str:
    if "revoked" not in version:
        return ""
    one = version["revoked"]
    return f"by {one['by']}, {output.moment(one['at'])}: {one['reason']}"


def _show_version(session: Session, version: VersionDocument, *, data: Sequence[str]) -> None:
    printer = session.printer
    if session.is_json:
        printer.document(version)
        return
    printer.fields(
        [
            ("version", version["id"]),
            ("manifest", version["manifest"]),
            ("run", version["run"]),
            ("data", ", ".join(data) or version.get("data", "")),
            (
                "registered",
                f"{output.moment(version['registered_at'])} by {version['registered_by']}",
            ),
            ("authors", ", ".join(version["authors"])),
            ("level", version["level"]),
            ("revoked", Cell(_revoked(version), "bad")),
            ("size", output.size(version["size_bytes"])),
        ]
    )
    printer.title("Metrics")
    printer.fields((name, output.number(value)) for name, value in version["metrics"].items())
    printer.title("Parameters")
    printer.fields((name, str(value)) for name, value in version["parameters"].items())
