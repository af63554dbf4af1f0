"""Removed texts: objects that only remarks name whose text was removed by an entry.

An annotation may name any object. Whoever lets one name a model's file, a report or a data set, and
has that one redacted, removes nothing: what other entries need stays, is copied and is verified.
"""

from __future__ import annotations

from modeldeck.domain.state import State
from modeldeck.store.objects import ObjectStore

REMARKS = ("annotation.add", "annotation.edit", "thread.start", "thread.reply")
"""The actions whose object is a remark's text."""

ABOUT_THREADS = ("thread.resolve", "thread.reopen")

NAMES_OBJECT = {
    "version.register": "manifest",
    "gate.report": "report",
    **dict.fromkeys(REMARKS, "object"),
    "workspace.sync": "taken",
    "dataset.add": "description",
}
"""The field of an action's body that names an object."""


def needed_elsewhere(objects: ObjectStore, state: State) -> set[str]:
    """Return what remarks with their text, and all other entries that count, need.

    What a remark's text says is not followed: nobody keeps another one's text by citing it.
    """
    kept = {
        each for one in state.annotations.values() if not one.redacted_by for each in one.objects
    }
    named = {
        str(line.body.get(NAMES_OBJECT[line.action]))
        for line in state.activity
        if not line.is_void and line.action in NAMES_OBJECT and line.action not in REMARKS
    }
    return kept | objects.reached(named, but=set(state.heads))


def removed(objects: ObjectStore, state: State) -> set[str]:
    """Return the objects that nobody needs any more since their remark's text was removed."""
    gone = {each for one in state.annotations.values() if one.redacted_by for each in one.objects}
    return gone - needed_elsewhere(objects, state) if gone else gone
