"""Model cards: what a version is, in Markdown, from its manifest, its gate reports and remarks.

The sections follow M. Mitchell et al., "Model Cards for Model Reporting" (2019), as far as the
manifest knows: model details, data, evaluation, inputs; what people said stands at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from modeldeck.domain.documents import AnnotationDocument, GateDocument, VersionDocument

_MOST_COLUMNS = 40


def card(
    version: VersionDocument,
    predicate: Mapping[str, object],
    *,
    gates: Sequence[GateDocument],
    remarks: Sequence[AnnotationDocument],
    used: Sequence[str] = (),
) -> str:
    """Return the card of a version.

    Parameters
    ----------
    version : VersionDocument
        The version.
    predicate : Mapping
        What its manifest says.
    gates : sequence of GateDocument
        Its newest gate report for each environment.
    remarks : sequence of AnnotationDocument
        What was said about it.
    used : sequence of str
        The data that its run recorded: versions of datasets as ``sales@3``, others by name and
        digest.
    """
    lines = [f"# {version['id']}", "", *_details(version, predicate), "", "## Data", ""]
    lines += [*_data(_mapping(predicate, "dataset"), used), "", "## Evaluation", ""]
    lines += _evaluation(version, gates)
    lines += ["", "## Inputs", "", *_inputs(_mapping(predicate, "dataset"))]
    if remarks:
        lines += ["", "## Remarks", ""]
        lines += [f"- {one['by']}, {one['at'][:10]}: {one['text']}" for one in remarks]
    return "\n".join(lines) + "\n"


def _details(version: VersionDocument, predicate: Mapping[str, object]) -> Iterable[str]:
    libraries = _mapping(predicate, "libraries")
    rows = {
        "Estimator": version["parameters"].get("estimator", "unknown"),
        "Parameters": ", ".join(
            f"{name} = {value}"
            for name, value in version["parameters"].items()
            if name != "estimator"
        ),
        "Run": version["run"],
        "Authors": ", ".join(version["authors"]),
        "Registered": f"{version['registered_at'][:19]}Z by {version['registered_by']}",
        "Libraries": ", ".join(f"{name} {value}" for name, value in libraries.items()),
        "Python": predicate.get("python", ""),
        "Size": f"{version['size_bytes']:,} bytes",
        "Manifest": version["manifest"],
    }
    return (f"- {name}: {value}" for name, value in rows.items() if value)


def _data(dataset: Mapping[str, object], used: Sequence[str]) -> Iterable[str]:
    for one in used:
        yield f"- Used: {one}"
    if not dataset and not used:
        yield "The manifest names no data."
        return
    for name in ("source", "rows", "target", "sha256"):
        if dataset.get(name):
            yield f"- {name.capitalize()}: {dataset[name]}"


def _evaluation(version: VersionDocument, gates: Sequence[GateDocument]) -> Iterable[str]:
    if version["metrics"]:
        yield "On its own hold-out:"
        yield ""
    elif not gates:
        yield "No metrics were kept with it, and no gate has run."
    for name, value in version["metrics"].items():
        yield f"- {name}: {value:.6g}" if isinstance(value, float) else f"- {name}: {value}"
    for number, gate in enumerate(gates):
        if number or version["metrics"]:
            yield ""
        word = "passed" if gate["passed"] else "failed"
        yield f"Gate of {gate['environment']}: {word}, by {gate['made_by']}, {gate['at'][:10]}"
        yield ""
        for one in gate["checks"]:
            mark = "ok" if one["passed"] else "FAILED" if one["required"] else "advisory"
            yield f"- {mark}: {one['name']} {one['reason']}".rstrip()


def _inputs(dataset: Mapping[str, object]) -> Iterable[str]:
    columns = dataset.get("columns")
    known = [one for one in columns if isinstance(one, dict)] if isinstance(columns, list) else []
    target = dataset.get("target")
    named = [one for one in known if one.get("name") != target]
    for one in named[:_MOST_COLUMNS]:
        yield f"- {one.get('name')}: {one.get('type')}"
    if len(named) > _MOST_COLUMNS:
        yield f"- and {len(named) - _MOST_COLUMNS} more"


def _mapping(value: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
