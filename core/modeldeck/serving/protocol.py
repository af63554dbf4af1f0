"""The Open Inference Protocol, version 2: tensors to rows and back, and metadata.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modeldeck._version import __version__
from modeldeck.errors import InvalidInputError, UsageError
from modeldeck.serving.rows import MAX_ROWS, is_writable

DATATYPES = {"float64": "FP64", "int64": "INT64", "bool": "BOOL", "string": "BYTES"}
MAX_ID = 128
"""Characters of a request's id."""

_KINDS = {
    "BOOL": "bool",
    "BYTES": "string",
    **dict.fromkeys(("FP16", "FP32", "FP64"), "float64"),
    **{f"{sign}INT{bits}": "int64" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}
"""The type of the values that a tensor of a datatype holds."""

_VALUES: dict[str, frozenset[type]] = {
    "bool": frozenset({bool, type(None)}),
    "string": frozenset({str, type(None)}),
    "float64": frozenset({float, int, type(None)}),
    "int64": frozenset({int, type(None)}),
}
_TAKES = {"float64": ("float64", "int64")}
"""Which values a column takes besides those of its own type: whole numbers are numbers."""

_RANGES = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}


def server_metadata() -> dict[str, Any]:
    """Return the answer to ``GET /v2``."""
    return {"name": "modeldeck", "version": __version__, "extensions": []}


def model_metadata(name: str, version: str, *, signature: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to ``GET /v2/models/{name}``."""
    outputs = []
    for one in signature["outputs"]:
        shape = [-1, one["size"]] if "size" in one else [-1]
        outputs.append({"name": one["name"], "datatype": DATATYPES[one["type"]], "shape": shape})
    return {
        "name": name,
        "versions": [version],
        "platform": "sklearn_skops",
        "inputs": [
            {"name": one["name"], "datatype": DATATYPES[one["type"]], "shape": [-1]}
            for one in signature["inputs"]
        ],
        "outputs": outputs,
    }


def identifier_of(request: Mapping[str, Any]) -> str:
    """Return the id that a request brings, empty when it brings none.

    Raises
    ------
    UsageError
        It is no text, too long, or cannot be written.
    """
    given = request.get("id")
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > MAX_ID or not is_writable(given):
        msg = f"'id' has to be a text of at most {MAX_ID} characters, not {given!r:.60}."
        raise UsageError(msg, "Leave it out to get one.")
    return given


def wanted_of(request: Mapping[str, Any], signature: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the outputs that a request asks for, of all when it names none.

    Raises
    ------
    UsageError
        'outputs' is no list of names, or the model has no such output.
    """
    known = [str(one["name"]) for one in signature["outputs"]]
    given = request.get("outputs")
    if given is None or given == []:
        return frozenset(known)
    names = [_name_of(one) for one in given] if isinstance(given, list) else [""]
    if not all(names):
        msg = "'outputs' has to be a list of objects, each with the name of an output."
        raise UsageError(msg, 'As in {"outputs": [{"name": "prediction"}]}.')
    unknown = next((one for one in names if one not in known), None)
    if unknown is not None:
        msg = f"There is no output {unknown!r:.80} in 'outputs'; there is {', '.join(known)}."
        raise UsageError(msg)
    return frozenset(names)


def _name_of(value: object) -> str:
    """Return the name that an object brings; empty when it brings none."""
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def rows_of(
    request: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of an inference request.

    Parameters
    ----------
    request : Mapping
        With ``inputs``: a tensor a column, of shape ``[n]`` or ``[n, 1]``; or a single tensor of
        shape ``[n, k]`` with all columns in the signature's order.
    columns : sequence of mappings
        The signature's columns, with ``name`` and ``type``.

    Raises
    ------
    InvalidInputError
        A tensor is not as the protocol says, has another datatype than its column takes, stands
        there twice, or the tensors have different lengths.
    """
    inputs = request.get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(i, dict) for i in inputs):
        msg = "'inputs' has to be a list of tensors, and not empty."
        raise InvalidInputError(msg, "The model's metadata lists the tensors that it takes.")
    tensors = [_tensor(one) for one in inputs]
    first = tensors[0]
    names = [str(one["name"]) for one in columns]
    if len(tensors) == 1 and first.width == len(names) and first.name not in names:
        cells = first.data
        width = len(names)
        return [
            dict(zip(names, cells[at : at + width], strict=True))
            for at in range(0, len(cells), width)
        ]
    return _by_column(tensors, {str(one["name"]): str(one["type"]) for one in columns})


def _by_column(tensors: Sequence[_Tensor], types: Mapping[str, str]) -> list[dict[str, Any]]:
    length = len(tensors[0].data)
    seen: set[str] = set()
    for one in tensors:
        if one.name in seen:
            msg = f"Tensor {one.name!r:.80} stands there twice."
            raise InvalidInputError(msg, "Send each column once.")
        seen.add(one.name)
        column = types.get(one.name, "")
        if column and _KINDS[one.datatype] not in _TAKES.get(column, (column,)):
            msg = f"Column {one.name!r} is {DATATYPES[column]}; its tensor is {one.datatype}."
            raise InvalidInputError(msg, "The model's metadata lists the datatypes.")
        if one.width != 1:
            msg = (
                f"Tensor {one.name!r} has {one.width} columns; a column is a tensor [n] or [n, 1]."
            )
            raise InvalidInputError(msg)
        if len(one.data) != length:
            msg = f"Tensor {one.name!r} has {len(one.data)} rows, {tensors[0].name!r} has {length}."
            raise InvalidInputError(msg, "Every column needs one value a row.")
    named = {one.name: one.data for one in tensors}
    return [dict(zip(named, values, strict=True)) for values in zip(*named.values(), strict=True)]


class _Tensor:
    """One tensor of a request, its data flat."""

    def __init__(self, name: str, datatype: str, *, width: int, data: list[Any]) -> None:
        self.name = name
        self.datatype = datatype
        self.width = width
        self.data = data


def _tensor(value: Mapping[str, Any]) -> _Tensor:
    name, datatype = value.get("name"), value.get("datatype")
    shape, data = value.get("shape"), value.get("data")
    if not isinstance(name, str):
        msg = f"The name of a tensor has to be a text, not {name!r:.40}."
        raise InvalidInputError(msg)
    if not isinstance(datatype, str) or datatype not in _KINDS:
        msg = f"Tensor {name!r:.80} has the datatype {datatype!r:.40}."
        raise InvalidInputError(msg, f"Known are {', '.join(sorted(_KINDS))}.")
    rows, width = _shape(name, shape)
    if not isinstance(data, list):
        msg = f"Tensor {name!r:.80} has no data."
        raise InvalidInputError(msg)
    is_nested = bool(data) and all(isinstance(row, list) for row in data)
    flat = [cell for row in data for cell in row] if is_nested else data
    if len(flat) != rows * width:
        msg = f"Tensor {name!r:.80} of shape {shape} has {len(flat)} values."
        raise InvalidInputError(msg)
    _check_values(name, datatype, data=flat)
    return _Tensor(name, datatype, width=width, data=flat)


def _shape(name: str, shape: object) -> tuple[int, int]:
    """Return the rows and columns of a tensor."""
    is_shape = isinstance(shape, list) and all(type(n) is int and n > 0 for n in shape)
    if not isinstance(shape, list) or not is_shape or not 1 <= len(shape) <= 2:
        msg = f"Tensor {name!r:.80} has the shape {shape!r:.60}; expected [n] or [n, k]."
        raise InvalidInputError(msg)
    if shape[0] > MAX_ROWS:
        msg = f"The request has {shape[0]:,} rows; at most {MAX_ROWS:,} are taken."
        raise InvalidInputError(msg, "Send several requests.")
    return shape[0], shape[1] if len(shape) == 2 else 1


def _check_values(name: str, datatype: str, *, data: Sequence[Any]) -> None:
    """Refuse values that are none of the tensor's datatype."""
    known = _VALUES[_KINDS[datatype]]
    at = -1
    if not known.issuperset(map(type, data)):
        at = next(n for n, one in enumerate(data) if type(one) not in known)
    elif datatype in _RANGES:
        low, high = _RANGES[datatype]
        wrong = (n for n, one in enumerate(data) if one is not None and not low <= one <= high)
        at = next(wrong, -1)
    if at >= 0:
        msg = f"Tensor {name!r:.80}, value {at}: {data[at]!r:.60} is no {datatype}."
        raise InvalidInputError(msg)


def answer(
    outputs: Sequence[Mapping[str, Any]],
    wanted: frozenset[str],
    *,
    model: str,
    version: str,
    identifier: str,
    signature: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the answer to an inference request, with the outputs that are wanted."""
    tensors = []
    for one in signature["outputs"]:
        name = one["name"]
        if name not in outputs[0] or name not in wanted:
            continue
        values = [row[name] for row in outputs]
        shape = [len(values)]
        if values and isinstance(values[0], list):
            shape.append(len(values[0]))
            values = [cell for row in values for cell in row]
        datatype = DATATYPES[one["type"]]
        tensors.append({"name": name, "datatype": datatype, "shape": shape, "data": values})
    return {
        "model_name": model,
        "model_version": version,
        "id": identifier,
        "outputs": tensors,
    }
