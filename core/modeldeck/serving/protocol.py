"""The Open Inference Protocol, version 2: tensors to rows and back, and metadata.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modeldeck._version import __version__
from modeldeck.errors import InvalidInputError
from modeldeck.serving.rows import MAX_ROWS

DATATYPES = {"float64": "FP64", "int64": "INT64", "bool": "BOOL", "string": "BYTES"}
_KNOWN = {
    *("BOOL", "BYTES", "FP16", "FP32", "FP64"),
    *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
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


def rows_of(request: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of an inference request.

    Parameters
    ----------
    request : Mapping
        With ``inputs``: a tensor a column, of shape ``[n]`` or ``[n, 1]``; or a single tensor of
        shape ``[n, k]`` with all columns in the signature's order.
    names : sequence of str
        The signature's columns.

    Raises
    ------
    InvalidInputError
        A tensor is not as the protocol says, or the tensors have different lengths.
    """
    inputs = request.get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(i, dict) for i in inputs):
        msg = "'inputs' has to be a list of tensors, and not empty."
        raise InvalidInputError(msg, "The model's metadata lists the tensors that it takes.")
    tensors = [_tensor(one) for one in inputs]
    first = tensors[0]
    if len(tensors) == 1 and first.width == len(names) and first.name not in names:
        cells = first.data
        width = len(names)
        return [
            dict(zip(names, cells[at : at + width], strict=True))
            for at in range(0, len(cells), width)
        ]
    return _by_column(tensors)


def _by_column(tensors: Sequence[_Tensor]) -> list[dict[str, Any]]:
    length = len(tensors[0].data)
    for one in tensors:
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

    def __init__(self, name: str, width: int, *, data: list[Any]) -> None:
        self.name = name
        self.width = width
        self.data = data


def _tensor(value: Mapping[str, Any]) -> _Tensor:
    name, shape, data = str(value.get("name", "")), value.get("shape"), value.get("data")
    if value.get("datatype") not in _KNOWN:
        msg = f"Tensor {name!r:.80} has the datatype {value.get('datatype')!r:.40}."
        raise InvalidInputError(msg, f"Known are {', '.join(sorted(_KNOWN))}.")
    is_shape = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)
    if not isinstance(shape, list) or not is_shape or not 1 <= len(shape) <= 2 or 0 in shape:
        msg = f"Tensor {name!r:.80} has the shape {shape!r:.60}; expected [n] or [n, k]."
        raise InvalidInputError(msg)
    if not isinstance(data, list):
        msg = f"Tensor {name!r:.80} has no data."
        raise InvalidInputError(msg)
    if shape[0] > MAX_ROWS:
        msg = f"The request has {shape[0]:,} rows; at most {MAX_ROWS:,} are taken."
        raise InvalidInputError(msg, "Send several requests.")
    is_nested = bool(data) and all(isinstance(row, list) for row in data)
    flat = [cell for row in data for cell in row] if is_nested else data
    width = shape[1] if len(shape) == 2 else 1
    if len(flat) != shape[0] * width:
        msg = f"Tensor {name!r:.80} of shape {shape} has {len(flat)} values."
        raise InvalidInputError(msg)
    return _Tensor(name, width, data=flat)


def answer(
    request: Mapping[str, Any],
    outputs: Sequence[Mapping[str, Any]],
    *,
    model: str,
    version: str,
    identifier: str,
    signature: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the answer to an inference request."""
    wanted = request.get("outputs")
    names = {one.get("name") for one in wanted if isinstance(one, dict)} if wanted else None
    tensors = []
    for one in signature["outputs"]:
        name = one["name"]
        if name not in outputs[0] or (names is not None and name not in names):
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
