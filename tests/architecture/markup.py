"""Find text that could be read as markup: anything but a literal that reaches a widget bare.

Textual and Rich read brackets in a plain ``str`` as markup: they crash on some, and run actions on
others. So what is not a literal of ours has to be handed over as ``Text``, ``Content`` or with
``markup=False``. The check is by syntax alone; an expression is *safe* when it is

- a literal, or a conditional, sum, list or comprehension of safe expressions;
- ``Text(…)``, ``Content(…)``, their ``assemble`` and other calls on them, or any other object that
  is made by a name in capitals (a table, a group: never a ``str``);
- a call of a function of ours that is annotated to return ``Text`` or ``Content`` (or a list …);
- a name that the function binds to safe expressions only, or that is annotated so;
- an attribute that every class with such an attribute annotates so.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

WIDGETS = {
    "Button",
    "Checkbox",
    "Collapsible",
    "Label",
    "Link",
    "Option",
    "Panel",
    "RadioButton",
    "Static",
    "Tab",
    "TabPane",
    "Tooltip",
    "Tree",
}
"""Classes whose text is markup unless told otherwise."""

METHODS = {
    "add_column",
    "add_columns",
    "add_leaf",
    "add_option",
    "add_options",
    "add_row",
    "add_rows",
    "ask",
    "notify",
    "set_label",
    "update_cell",
    "update_cell_at",
}
"""Methods whose text is markup, whatever they are called on."""

ATTRIBUTES = {"border_subtitle", "border_title", "label", "prompt", "tooltip"}
"""Attributes whose text is markup when it is assigned."""

IDENTIFIERS = {
    "callback",
    "classes",
    "disabled",
    "id",
    "key",
    "layout",
    "name",
    "severity",
    "timeout",
    "variant",
    "width",
}
"""Keywords that are never shown."""

_SAFE_TYPE = re.compile(r"(?:Text|Content|RenderableType|Visual|VisualType)\b")
_STR = re.compile(r"\bstr\b")
_PARSERS = {"from_markup", "from_text"}


@dataclass
class Known:
    """What all our modules together say about a name: whether everything called so is safe."""

    returns: dict[str, bool] = field(default_factory=dict)
    attributes: dict[str, bool] = field(default_factory=dict)
    constants: dict[str, bool] = field(default_factory=dict)


def survey(trees: Iterable[ast.Module]) -> Known:
    """Collect annotated functions and attributes, and constants of modules."""
    found: dict[str, dict[str, list[bool]]] = {
        kind: defaultdict(list) for kind in ("returns", "attributes", "constants")
    }
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found["returns"][node.name].append(_is_safe_type(node.returns))
            elif isinstance(node, ast.ClassDef):
                for name, annotation in _fields(node):
                    found["attributes"][name].append(_is_safe_type(annotation))
        for node in tree.body:
            for name, value in _bindings(node):
                found["constants"][name].append(_is_constant(value))
    return Known(
        **{
            kind: {name: all(values) for name, values in names.items()}
            for kind, names in found.items()
        }
    )


def findings(tree: ast.Module, known: Known) -> list[str]:
    """Return the places of one module where markup could be read, as ``line: what``."""
    check = _Check(known)
    check.visit(tree)
    return [f"{line}: {what}" for line, what in sorted(check.found)]


class _Check(ast.NodeVisitor):
    """Walks one module, knowing the function and class that it is in."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.found: list[tuple[int, str]] = []
        self.locals: list[dict[str, bool]] = []
        self.widgets: list[bool] = []
        self.plain: list[bool] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        bases = {_last(base) for base in node.bases}
        self.widgets.append(bool(bases & WIDGETS))
        self.plain.append(any(_is_plain_super(inner) for inner in ast.walk(node)))
        self.generic_visit(node)
        self.widgets.pop()
        self.plain.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name == "render" and self.widgets and _last(node.returns) == "str":
            self._report(node, "render() returns a str, which is read as markup")
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        names = {one.arg: _is_safe_type(one.annotation) for one in arguments}
        self.locals.append(names)
        for _ in range(2):  # a name may be bound to one that is bound further down
            bound: dict[str, list[bool]] = defaultdict(list)
            for inner in ast.walk(node):
                for name, value in _bindings(inner):
                    bound[name].append(self._is_safe(value))
                if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                    bound[inner.target.id] = [_is_safe_type(inner.annotation)]
            names.update({name: all(values) for name, values in bound.items()})
        self.generic_visit(node)
        self.locals.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr in ATTRIBUTES:
                self._expect_safe(node, target.attr, [node.value])
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _last(node.func)
        keywords = {one.arg: one.value for one in node.keywords}
        given = [*node.args, *(v for k, v in keywords.items() if k not in IDENTIFIERS)]
        if _is_false(keywords.get("markup")):
            pass
        elif "markup" in keywords:
            self._report(node, f"{name}(markup=…) must be markup=False")
        elif name == "Console":
            self._report(node, "Console() without markup=False")
        elif name in _PARSERS:
            self._expect_literal(node, name)
        elif name in WIDGETS | METHODS or self._is_own_widget(node) or self._is_update(node):
            self._expect_safe(node, name, given)
        self.generic_visit(node)

    def _is_own_widget(self, node: ast.Call) -> bool:
        """Say whether a call hands a widget of ours to the class that it extends."""
        return _last(node.func) == "__init__" and self.widgets[-1:] == [True]

    def _is_update(self, node: ast.Call) -> bool:
        """Say whether a call renews the text of a widget (and not, say, a dictionary)."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "update":
            return False
        target = node.func.value
        if isinstance(target, ast.Name) and target.id == "self":
            return bool(self.widgets) and not self.plain[-1]
        return isinstance(target, ast.Call) and _last(target.func) in {"query_one", "get_child"}

    def _expect_literal(self, node: ast.Call, name: str) -> None:
        if not all(isinstance(one, ast.Constant) for one in node.args):
            self._report(node, f"{name}() of something that is no literal")

    def _expect_safe(self, node: ast.AST, name: str, given: Iterable[ast.expr]) -> None:
        for value in given:
            if not self._is_safe(value):
                self._report(node, f"{name} takes {ast.unparse(value)[:60]}")

    def _report(self, node: ast.AST, what: str) -> None:
        self.found.append((getattr(node, "lineno", 0), what))

    def _is_safe(self, value: ast.expr | None) -> bool:
        match value:
            case None | ast.Constant():
                return True
            case ast.Name(id=name):
                return self._is_safe_name(name)
            case ast.Attribute(attr=name):
                return self.known.attributes.get(name, False)
            case ast.Call():
                return self._is_safe_call(value)
            case ast.Subscript(value=inner):
                return self._is_safe(inner)
        parts = _parts(value)
        return parts is not None and all(self._is_safe(part) for part in parts)

    def _is_safe_name(self, name: str) -> bool:
        for scope in reversed(self.locals):
            if name in scope:
                return scope[name]
        return self.known.constants.get(name, False)

    def _is_safe_call(self, call: ast.Call) -> bool:
        name = _last(call.func)
        if name in _PARSERS:
            return _is_false({one.arg: one.value for one in call.keywords}.get("markup"))
        if name[:1].isupper() and not name.isupper():
            return True
        if isinstance(call.func, ast.Attribute):
            owner = call.func.value
            if isinstance(owner, ast.Name) and owner.id in {"Text", "Content"}:
                return True
            if isinstance(owner, ast.Call) and self._is_safe(owner):
                return True
        return self.known.returns.get(name, False)


def _parts(value: ast.expr) -> list[ast.expr] | None:
    """Return the expressions that an expression is put together from; None when it is not so."""
    match value:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [left, right]
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.BoolOp(values=values) | ast.JoinedStr(values=values):
            return values
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return elements
        case ast.Dict(values=values):
            return values
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
            return [element]
        case ast.Starred(value=inner) | ast.Await(value=inner):
            return [inner]
    return None


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Return the plain names that a statement or expression binds, with what each comes from."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                for name in _names(target):
                    yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            yield name, value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            for name in _names(target):
                yield name, value


def _names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    """Return the annotated attributes of a class, and its properties."""
    for inner in ast.walk(node):
        match inner:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                yield name, annotation
            case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=annotation):
                yield name, annotation
            case ast.FunctionDef(name=name, returns=ast.expr() as annotation):
                if any(_last(one) == "property" for one in inner.decorator_list):
                    yield name, annotation


def _is_safe_type(annotation: ast.expr | None) -> bool:
    text = "" if annotation is None else ast.unparse(annotation)
    return bool(_SAFE_TYPE.search(text)) and not _STR.search(text)


def _is_constant(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return True
    parts = _parts(value)
    return parts is not None and all(_is_constant(part) for part in parts)


def _is_plain_super(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or _last(node.func) != "__init__":
        return False
    return any(one.arg == "markup" and _is_false(one.value) for one in node.keywords)


def _is_false(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def _last(node: ast.expr | None) -> str:
    """Return the last part of a dotted name; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
