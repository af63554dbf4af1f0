"""Nothing that is not a literal of ours reaches a widget as markup."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.code import TUI, modules, parsed, short
from tests.architecture.markup import findings, survey

BAD = [
    "Static(name)",
    "Static(f'{name} waits')",
    "Label('by ' + name)",
    "Button('%s' % name, id='x')",
    "Static('{}'.format(name))",
    "Static(', '.join(names))",
    "self.notify(str(error))",
    "self.notify('ok', title=name)",
    "widget.border_title = f'Run {name}'",
    "table.add_row(name, Text('x'))",
    "table.add_row(*names)",
    "self.query_one('#head', Static).update(name)",
    "Static(Content.from_markup(name))",
    "Static(Content.from_text(name))",
    "Static(name, markup=True)",
    "Console()",
    "class Mine(Static):\n def __init__(self, text: str) -> None:\n  super().__init__(text)",
    "class Mine(Static):\n def show(self, text: str) -> None:\n  self.update(text)",
    "class Mine(Widget):\n def render(self) -> str:\n  return self.text",
    "def show(text: str) -> None:\n line = Text('a')\n line = text\n Static(line)",
    "def show(rows: list[str]) -> None:\n for row in rows:\n  Label(row)",
]
GOOD = [
    "Static('3 runs', id=name)",
    "Static(name, markup=False)",
    "Static(Text(name))",
    "Static(Text(name).append(name))",
    "Static(Content.assemble((name, 'bold')))",
    "Static(Table(box=None))",
    "Label('yes' if ready else 'no')",
    "self.notify('Saved.', severity=level)",
    "widget.border_title = Content(name)",
    "table.add_row(*[Text(name) for name in names], key=name)",
    "state.update(name)",
    "Console(markup=False)",
    "Static(Content.from_text(name, markup=False))",
    "HEAD = 'Runs'\nStatic(HEAD)",
    "def line(name: str) -> Text:\n return Text(name)\nStatic(present.line(name))",
    "class Row:\n cell: Text\n\ndef show(row: Row) -> None:\n Static(row.cell)",
    "def show(text: Text) -> None:\n Static(text)",
    "def show(name: str) -> None:\n line = Text(name)\n Static(line)",
    "def show(rows: list[Text]) -> None:\n for row in rows:\n  Label(row)",
    """
class Mine(Static):
    def __init__(self, text: str) -> None:
        super().__init__(text, markup=False)

    def show(self, text: str) -> None:
        self.update(text)
""",
    "class Mine(Widget):\n def render(self) -> Content:\n  return Content(self.text)",
]


@pytest.mark.parametrize("code", BAD)
def test_markup_from_text_that_is_no_literal_is_found(code: str) -> None:
    """The check sees each way in which foreign text becomes markup."""
    tree = ast.parse(code)
    assert findings(tree, survey([tree]))


@pytest.mark.parametrize("code", GOOD)
def test_text_that_cannot_be_markup_is_left_alone(code: str) -> None:
    """The check is quiet about literals, Text, Content and markup=False."""
    tree = ast.parse(code)
    assert findings(tree, survey([tree])) == []


def test_screen_and_commands_hand_over_no_markup() -> None:
    """No module of the screen or of the command line lets foreign text be read as markup."""
    paths = modules(TUI)
    known = survey(parsed(path) for path in paths)
    found = [f"{short(path)}:{text}" for path in paths for text in findings(parsed(path), known)]
    assert not found, "\n".join(found)
