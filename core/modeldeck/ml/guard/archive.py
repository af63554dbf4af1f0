"""What is checked in a model file's bytes before skops sees them.

A ``.skops`` file is a zip of ``schema.json`` (a tree of nodes, each with the type that it makes)
and arrays (``.npy``, and ``.npz`` for sparse matrices). A crafted one can be a pickle under another
name, a bomb (800 MB of zeros fit into 778 KB), announce an array of 64 GiB, or nest too deeply; all
of that is refused here, from headers and lengths alone.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Any, NoReturn

import numpy as np

from modeldeck.errors import InvalidInputError
from modeldeck.ml import folder
from modeldeck.ml.guard.allowlist import LOADERS

MAX_FILE = 512 << 20
"""A model file of more bytes is refused."""

MAX_MEMBERS = 200_000
MAX_SCHEMA = 256 << 20
MAX_EXPANDED = 2 << 30
PROTOCOL = 2
"""The one version of the skops format that is read: older ones bring older, laxer nodes."""

_MEMBER = re.compile(r"schema\.json|[0-9]{1,20}\.np[yz]")
_SPARSE_MEMBER = re.compile(r"[a-z_]{1,20}\.npy")
_POOL = re.compile(r"[1-9][0-9]?")
_KINDS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PICKLES = {
    b"\x80": "a pickle or joblib file",
    b"(": "a pickle of the oldest protocol",
    b"c": "a pickle of the oldest protocol",
    b"]": "a pickle of the oldest protocol",
    b"}": "a pickle of the oldest protocol",
    b"\x1f\x8b": "a gzip file, as joblib writes it",
    b"BZh": "a bzip2 file, as joblib writes it",
    b"\xfd7zXZ": "an xz file, as joblib writes it",
    b"\x28\xb5\x2f\xfd": "a zstandard file",
    b"\x78\x01": "a zlib file, as joblib writes it",
    b"\x78\x5e": "a zlib file, as joblib writes it",
    b"\x78\x9c": "a zlib file, as joblib writes it",
    b"\x78\xda": "a zlib file, as joblib writes it",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
}


def check_archive(data: bytes) -> None:
    """Check a model file's bytes.

    Parameters
    ----------
    data : bytes
        The whole file.

    Raises
    ------
    InvalidInputError
        It is no skops file, or one that may not be loaded; the message says why.
    """
    check_magic(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, len(data), allowed=_MEMBER)
            _check_schema(archive)
            for info in archive.infolist():
                if info.filename.endswith(".npy"):
                    _check_array(archive, info)
                elif info.filename.endswith(".npz"):
                    _check_sparse(archive.read(info))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        refuse(f"its zip structure is damaged ({error})")
    except (ValueError, MemoryError, RecursionError, UnicodeError) as error:
        refuse(f"it cannot be read ({type(error).__name__})")


def check_magic(data: bytes) -> None:
    """Refuse whatever is not a zip by its first bytes, naming pickles for what they are.

    Raises
    ------
    InvalidInputError
        The bytes are no zip.
    """
    if data.startswith(b"PK\x03\x04"):
        return
    for magic, kind in _PICKLES.items():
        if data.startswith(magic):
            hint = (
                "Pickles run code when loaded. Save the model with run.log_model or skops.io.dump."
            )
            refuse(f"it is {kind}, whatever its name says", hint)
    refuse("it is empty" if not data else "it is no skops file")


def refuse(why: str, hint: str = "Save the model with run.log_model.") -> NoReturn:
    """Raise the error for a model file that is not loaded.

    Raises
    ------
    InvalidInputError
        Always.
    """
    msg = f"The model file is refused: {why}."
    raise InvalidInputError(msg, hint) from None


def _check_members(archive: zipfile.ZipFile, compressed: int, *, allowed: re.Pattern[str]) -> None:
    infos = archive.infolist()
    names = {info.filename for info in infos}
    if len(infos) > MAX_MEMBERS or len(names) != len(infos):
        refuse(f"it has {len(infos):,} parts, some of them twice or too many")
    for info in infos:
        if not allowed.fullmatch(info.filename):
            refuse(f"it holds a part {info.filename[:60]!r}, which no skops file has")
        if info.flag_bits & 0x1 or info.compress_type not in _KINDS:
            refuse(f"its part {info.filename} is encrypted or packed in an unknown way")
    expanded = sum(info.file_size for info in infos)
    limit = min(MAX_EXPANDED, (64 << 20) + 100 * compressed)
    if expanded > limit:
        refuse(f"unpacked it would have {expanded:,} bytes; {limit:,} are allowed")


def _check_schema(archive: zipfile.ZipFile) -> None:
    if "schema.json" not in archive.namelist():
        refuse("it has no schema.json")
    if archive.getinfo("schema.json").file_size > MAX_SCHEMA:
        refuse("its schema.json is too large")
    schema = folder.parse_json(archive.read("schema.json"), "schema.json")
    if type(schema.get("protocol")) is not int or schema["protocol"] != PROTOCOL:
        refuse(f"it is of skops protocol {schema.get('protocol')!r:.20}, not {PROTOCOL}")
    nodes = nodes_in(schema)
    unknown = sorted({str(one["__loader__"]) for one in nodes} - LOADERS)
    if unknown:
        refuse(f"it asks for {', '.join(unknown)[:200]}, which can call code by name")
    _check_seeds(nodes)


def nodes_in(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes of a schema, each with the kind of its loader, without recursion."""
    found: list[dict[str, Any]] = []
    stack: list[object] = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if "__loader__" in value:
                found.append(value)
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return found


def _check_seeds(nodes: list[dict[str, Any]]) -> None:
    """Refuse seeds whose pool of numbers would take for ever to mix.

    Notes
    -----
    ``numpy.random.SeedSequence`` mixes every number of its pool with every other one. skops takes
    a node for another one of the same ``__id__``, so that all nodes with one id must be the same.
    """
    shared: dict[object, dict[str, Any]] = {}
    for node in nodes:
        if node["__loader__"] != "RandomGeneratorNode":
            continue
        try:
            seed = node["content"]["seed_seq"]
            pool = seed["content"]["pool_size"]
            kinds = (seed["__loader__"], pool["__loader__"])
            is_small = kinds == ("DictNode", "JsonNode") and _POOL.fullmatch(pool["content"])
            shared |= {seed.get("__id__"): seed, pool.get("__id__"): pool}
        except (KeyError, TypeError, AttributeError):
            is_small = None
        if not is_small:
            refuse("a random generator in it has a pool of another size than NumPy makes")
    for node in nodes if shared else ():
        key = node.get("__id__")
        if isinstance(key, int | float | str) and shared.get(key, node) != node:
            refuse("a random generator in it shares its pool with something else")


def _check_sparse(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as inner:
        _check_members(inner, len(data), allowed=_SPARSE_MEMBER)
        for info in inner.infolist():
            _check_array(inner, info)


def _check_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Compare the size that an array's header announces with the bytes that follow it.

    Notes
    -----
    The header is described in ``numpy.lib.format``: magic, version, length, a Python literal.
    """
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(member)
        else:
            refuse(f"its array {info.filename} has format {version}")
        header = member.tell()
    if dtype.hasobject:
        refuse(f"its array {info.filename} holds pickled objects")
    announced = dtype.itemsize
    for length in shape:
        announced *= int(length)
    if announced != info.file_size - header:
        refuse(f"its array {info.filename} announces {announced:,} bytes and has others")
