"""Text that strangers bring into a workspace, to do something to the terminal of whoever looks."""

from __future__ import annotations

import json
from pathlib import Path

from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace

PAYLOADS = {
    "clear": "\x1b[2J\x1b[Hgone",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://localhost\x1b\\here\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;b3duZWQ=\x07",
    "request": "\x1bP+q544e\x1b\\",
    "c1": "\x9b31mred\x9d0;owned\x9c",
    "bell": "ring\x07",
    "shift": "\x0eout\x0fin",
    "null": "a\x00b\x7f",
    "return": "hidden\rshown\x08",
    "bidi": "a\u202eb\u2066c",
    "invisible": "zero\u200bwidth\ufeff",
    "markup": "[@click=app.quit]x[/] [/ [b",
}
"""Each way of reaching the terminal, or the program, from within a text."""


def fill(root: Path) -> None:
    """Bring every payload to every place that takes text of others."""
    everything = " ".join(PAYLOADS.values())
    sayable = everything.replace("\x7f", "")
    for name, text in PAYLOADS.items():
        with start_run(
            "churn",
            name=text,
            parameters={f"p{text}": text},
            tags={"origin": text},
            workspace=root,
            capture_output=False,
        ) as run:
            run.log({"loss": 1.0})
            run.log_text(f"{name} {text}")
            artifact = root / f"{name}-artifact.txt"
            artifact.write_text(text)
            run.log_artifact(artifact)
        _name_a_metric(run.folder, text)
    with start_run("churn", name="failed", workspace=root, capture_output=False) as run:
        run.log_text(everything)
        run.finish("failed", error=ValueError(everything))
    with Workspace.open(root, user="dave") as dave:
        for text in PAYLOADS.values():
            dave.annotations.add("release:churn-2", f"x{text}")
            dave.annotations.add("version:churn@2", f"x{text}")
            dave.annotations.add("endpoint:churn@production", f"x{text}")
        dave.releases.approve("churn-2", sayable)
        live = dave.deployments.show("churn@production")
    with Workspace.open(root, user="server") as server:
        server.deployments.report(
            live["id"],
            generation=live["generation"],
            manifest=live["manifest"],
            outcome="failed",
            reason=sayable,
        )
    _serve(root, everything)


def _name_a_metric(folder: Path, text: str) -> None:
    """Give a run a metric that the API would not have taken."""
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write(json.dumps({"at": 1.0, "step": 0, "metrics": {text: 1.0}}) + "\n")
    path = folder / "end.json"
    end = json.loads(path.read_text())
    end["metrics"][text] = end["metrics"]["loss"]
    path.chmod(0o644)
    path.write_text(json.dumps(end))


def _serve(root: Path, everything: str) -> None:
    """Leave the traces of a server that was asked strange things."""
    folder = root / "endpoints" / "production" / "churn"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server-here-1.log").write_text("\n".join([*PAYLOADS.values(), everything]))
    record = {"id": everything, "at": everything, "latency_s": 0.1, "status": 500}
    (folder / "predictions-here-1-1.jsonl").write_text(json.dumps(record) + "\n")
    (root / "strange.log").write_bytes(everything.encode() + bytes(range(256)) * 4)
