"""The table of keys: bindings, hints, help, palette, ``:`` commands and README are made from it.

Movement keys (``h j k l``, arrows, ``g G``, ``^d ^u ^f ^b``) are never anything else on a page
with lists or text; nothing sits on keys that terminals cannot tell apart (``^h ^i ^j ^m``).
"""

from __future__ import annotations

from modeldeck_tui.keymap import governing, logs
from modeldeck_tui.keymap.action import Action, action

EVERYWHERE = (
    action(
        "app.overview",
        "1",
        "overview",
        "What needs you, what is live",
        "modeldeck",
        does="page('overview')",
    ),
    action(
        "app.runs",
        "2",
        "runs",
        "Runs: filter, compare, live",
        "modeldeck run list",
        does="page('runs')",
    ),
    action(
        "app.models",
        "3",
        "models",
        "Models and their versions",
        "modeldeck model versions",
        does="page('models')",
    ),
    action(
        "app.releases",
        "4",
        "releases",
        "Releases: what waits, what was decided",
        "modeldeck release list",
        does="page('releases')",
    ),
    action(
        "app.deployments",
        "5",
        "deploys",
        "Endpoints: health, traffic, versions",
        "modeldeck deploy list",
        does="page('deployments')",
    ),
    action(
        "app.sources",
        "6",
        "logs",
        "Logs of endpoints and runs",
        "modeldeck logs",
        does="page('sources')",
    ),
    action(
        "app.activity",
        "7",
        "activity",
        "Every decision, newest first",
        "modeldeck activity",
        does="page('activity')",
    ),
    action(
        "app.datasets",
        "D",
        "datasets",
        "Data versions: columns, profiles, what used them",
        "modeldeck dataset list",
        does="page('datasets')",
    ),
    *governing.WAYS,
    action("app.help", "question_mark f1", "help", "The keys of this page, and why some are off"),
    action("app.command", "colon", "command", "Type a command: :runs :logs :as-of …"),
    action("app.command_palette", "ctrl+p", "palette", "Every action of this page by name"),
    action(
        "app.jump",
        "ctrl+o apostrophe",
        "jump",
        "Letters on panes and counters: press one to go there",
    ),
    action("app.back", "q escape", "back", "One step back; on the first page: leave"),
    action("app.last_page", "minus", "last page", "The page before this one, and back again"),
    action("app.refresh", "r ctrl+r", "refresh", "Read everything again now"),
    action("app.next_pane", "tab", "pane", "The next pane", does="focus_next"),
    action("app.previous_pane", "shift+tab", "pane back", "The pane before", does="focus_previous"),
    action("app.next_tab", "right_square_bracket", "tab", "The next tab of the page"),
    action("app.previous_tab", "left_square_bracket", "tab back", "The tab before"),
    action("app.enlarge", "plus", "enlarge", "Give the pane half of the screen, then all of it"),
    action("app.shrink", "underscore", "shrink", "Give the pane less room again"),
    action(
        "app.annotate",
        "c",
        "annotate",
        "Annotate what is under the cursor, or ask (^t); on a remark: reply",
        "modeldeck annotate ENTITY TEXT; modeldeck thread start ENTITY TEXT;"
        " modeldeck thread reply THREAD TEXT",
        danger=1,
        needs="thing",
    ),
    *governing.TALKING,
    action(
        "app.edit",
        "ctrl+e",
        "editor",
        "Write a longer annotation in $EDITOR",
        "modeldeck annotate ENTITY TEXT",
        danger=1,
        needs="thing",
    ),
    action(
        "app.tag",
        "t",
        "tag",
        "Put a tag on what is under the cursor; -NAME takes one away",
        "modeldeck tag ENTITY NAME[=VALUE]",
        danger=1,
        needs="thing",
    ),
    action(
        "app.open_log",
        "L",
        "log",
        "The log of what is under the cursor",
        "modeldeck logs SOURCE -f",
        needs="loggable",
    ),
    action("app.copy", "y", "copy", "Copy the row, its id or everything as JSON", needs="shown"),
    action("app.raw", "Y", "raw", "What is under the cursor, as its JSON", needs="thing"),
    action("app.save", "ctrl+s", "save", "Save what is shown as CSV and JSON lines", needs="rows"),
    action("app.undo", "z", "undo", "Undo what you did last, if it can be undone"),
    action("app.redo", "Z", "redo", "Do again what was undone"),
    action("app.done", "at", "done", "What was done from this screen, and the messages"),
    action(
        "app.doctor",
        "H",
        "doctor",
        "Look for what is wrong in the folder, and how far it is protected",
        "modeldeck doctor",
    ),
    action("app.print", "ctrl+l", "print", "Leave the full screen and print this page as text"),
    action("app.suspend", "ctrl+z", "suspend", "To the shell; fg comes back"),
    action("app.quit", "ctrl+q", "quit", "Leave at once, from anywhere"),
)

LIST = (
    action("list.up", "k up", "up", "One row up", does="move('up')"),
    action("list.down", "j down", "down", "One row down", does="move('down')"),
    action("list.first", "g home", "first", "The first row", does="move('first')"),
    action("list.last", "G end", "last", "The last row", does="move('last')"),
    action(
        "list.page_up", "ctrl+u ctrl+b pageup", "page up", "Half a page up", does="move('page_up')"
    ),
    action(
        "list.page_down",
        "ctrl+d ctrl+f pagedown",
        "page down",
        "Half a page down",
        does="move('page_down')",
    ),
    action("list.left", "h left", "left", "Scroll sideways, to the left", does="sideways(-1)"),
    action("list.right", "l right", "right", "Scroll sideways, to the right", does="sideways(1)"),
    action("list.open", "enter", "open", "Open what is under the cursor", does="open"),
    action("list.filter", "slash", "filter", "Show only rows that fit", needs="filterable"),
    action("list.mark", "space", "mark", "Mark the row, and go down", needs="markable"),
    action(
        "list.mark_range",
        "v",
        "range",
        "Begin a range; again: mark it to here",
        needs="markable",
    ),
    action("list.mark_all", "asterisk", "mark all", "Mark all rows shown", needs="markable"),
    action(
        "list.mark_to",
        "ctrl+at ctrl+space",
        "mark to",
        "Mark from the last mark to here",
        needs="markable",
    ),
    action("list.unmark", "ctrl+backslash", "unmark", "Take all marks away", needs="marks"),
    action("list.column_left", "shift+left", "column", "Pick the column before", needs="sortable"),
    action("list.column_right", "shift+right", "column", "Pick the next column", needs="sortable"),
    action(
        "list.sort", "O", "sort", "Sort by the picked column; again: backwards", needs="sortable"
    ),
    action("list.wide", "ctrl+w", "wide", "All columns, or those that fit", needs="wideable"),
)

TEXT = (
    action("text.up", "k up", "up", "One line up", does="move('up')"),
    action("text.down", "j down", "down", "One line down", does="move('down')"),
    action("text.first", "g home", "first", "The first line", does="move('first')"),
    action("text.last", "G end", "last", "The last line", does="move('last')"),
    action(
        "text.page_up", "ctrl+u ctrl+b pageup", "page up", "Half a page up", does="move('page_up')"
    ),
    action(
        "text.page_down",
        "ctrl+d ctrl+f pagedown space",
        "page down",
        "Half a page down",
        does="move('page_down')",
    ),
    action("text.find", "slash", "find", "Look for a text"),
    action("text.next_match", "n", "next", "The next match", does="seek(1)"),
    action("text.previous_match", "N", "before", "The match before", does="seek(-1)"),
    action("text.left", "h left", "left", "Scroll sideways, to the left", does="sideways(-1)"),
    action("text.right", "l right", "right", "Scroll sideways, to the right", does="sideways(1)"),
)

_APPROVE = ("approve", "Approve the release as it stands", "modeldeck release approve RELEASE")
_APPROVE_HERE = (
    "approve",
    "Approve the release as it stands; for the last environment: open its review",
    "modeldeck release approve RELEASE",
)
_ANSWER = (
    "approve",
    "Approve the release as it stands; of all else: open the page where it is answered",
    "modeldeck release approve RELEASE",
)
_REJECT = (
    "reject",
    "Reject the release with a reason",
    "modeldeck release reject RELEASE --reason TEXT",
)
_ROLLBACK = (
    "roll back",
    "Roll the endpoint back to the version before",
    "modeldeck deploy rollback ENDPOINT --reason TEXT",
)
_CHANGES = (
    "changes",
    "Ask for changes, with a reason",
    "modeldeck release request-changes RELEASE --reason TEXT",
)
_WITHDRAW = (
    "withdraw",
    "Withdraw the release that you asked for",
    "modeldeck release withdraw RELEASE",
)
_WITHDRAW_HERE = (
    "withdraw",
    "Withdraw the release that you asked for, or the proposal that you made",
    "modeldeck release withdraw RELEASE; modeldeck member withdraw PROPOSAL",
)
_TAKE_BACK = (
    "take back",
    "Take your vote back while the release is undecided",
    "modeldeck release abstain RELEASE",
)
_STOP_RUN = ("stop", "Ask the run to stop", "modeldeck run stop RUN")
_PROMOTE = (
    "promote",
    "Make it a version, or ask for its release to an environment",
    "modeldeck model register RUN --name MODEL; modeldeck release request VERSION --environment E",
)
_ARCHIVE = (
    "archive",
    "Archive the marked runs, or this one: lists leave them out; archived ones come back",
    "modeldeck run archive RUN",
)
_DELETE = (
    "delete",
    "Delete the marked runs, or this one; deleted ones (/is:deleted) come back",
    "modeldeck run delete RUN",
)
_TRAIN = ("train", "Train a pipeline", "modeldeck train pipelines/NAME.toml")
_DIFF = (
    "diff",
    "Everything that differs from the version before, or between two marked ones",
    "modeldeck model diff VERSION VERSION",
)
_DATA_DIFF = (
    "diff",
    "Columns, rows and distributions against the data version before, or between two marked ones",
    "modeldeck dataset diff VERSION VERSION",
)
_DATA_VERIFY = ("verify", "Hash the frozen contents again", "modeldeck dataset verify VERSION")
_METRIC = ("metric", "Chart the next metric")
_LOG_SCALE = ("log scale", "Logarithmic or linear values")
_SMOOTH = ("smooth", "Smooth the curves more, or not at all")

PAGES = (
    action("overview.approve", "a", *_ANSWER, danger=3, needs="answerable"),
    action("overview.rollback", "B", *_ROLLBACK, danger=3, needs="can_roll_back"),
    action("runs.compare", "C", "compare", "Compare the marked runs", needs="two_marked"),
    action("runs.promote", "p", *_PROMOTE, danger=2, needs="run"),
    action("runs.train", "n", *_TRAIN, danger=2),
    action("runs.stop", "x", *_STOP_RUN, danger=2, needs="running"),
    action("runs.archive", "A", *_ARCHIVE, danger=1, needs="run"),
    action("runs.delete", "X delete", *_DELETE, danger=2, needs="run"),
    action("run.metric", "m", *_METRIC),
    action("run.log_scale", "o", *_LOG_SCALE),
    action("run.smooth", "s", *_SMOOTH),
    action("run.promote", "p", *_PROMOTE, danger=2, needs="run"),
    action("run.stop", "x", *_STOP_RUN, danger=2, needs="running"),
    action("run.archive", "A", *_ARCHIVE, danger=1, needs="run"),
    action("run.delete", "X delete", *_DELETE, danger=2, needs="run"),
    action("compare.baseline", "b", "baseline", "Compare with the next run"),
    action("compare.metric", "m", *_METRIC),
    action("compare.log_scale", "o", *_LOG_SCALE),
    action("compare.smooth", "s", *_SMOOTH),
    action("compare.equal", "equals_sign", "equal rows", "Show what is the same too, or hide it"),
    action("models.diff", "d", *_DIFF, needs="version"),
    action("models.promote", "p", *_PROMOTE, danger=2, needs="version"),
    action(
        "models.verify",
        "V",
        "verify",
        "Hash the version's files again",
        "modeldeck ledger verify --data",
        needs="version",
    ),
    *governing.MODELS,
    action("releases.approve", "a", *_APPROVE_HERE, danger=3, needs="can_approve"),
    action("releases.reject", "x", *_REJECT, danger=2, needs="can_reject"),
    action("releases.withdraw", "w", *_WITHDRAW, danger=2, needs="can_withdraw"),
    action("review.approve", "a", *_APPROVE, danger=3, needs="can_approve"),
    action("review.reject", "x", *_REJECT, danger=2, needs="can_reject"),
    action("review.request_changes", "R", *_CHANGES, danger=2, needs="can_reject"),
    action("review.take_back", "u", *_TAKE_BACK, danger=2, needs="has_voted"),
    action("review.withdraw", "w", *_WITHDRAW, danger=2, needs="can_withdraw"),
    action("review.diff", "d", *_DIFF, needs="release"),
    action("review.rollback", "B", *_ROLLBACK, danger=3, needs="can_roll_back"),
    *governing.REVIEW,
    *governing.DEPLOYMENTS,
    action("deployments.rollback", "B", *_ROLLBACK, danger=3, needs="can_roll_back"),
    action(
        "deployments.stop",
        "S",
        "stop",
        "Stop the endpoint: it answers no more",
        "modeldeck deploy stop ENDPOINT --reason TEXT",
        danger=3,
        needs="serving",
    ),
    action("inbox.approve", "a", *_ANSWER, danger=3, needs="answerable"),
    action("inbox.reject", "x", *_REJECT, danger=2, needs="can_reject"),
    action("inbox.withdraw", "w", *_WITHDRAW_HERE, danger=2, needs="withdrawable"),
    *governing.POLICY,
    action("datasets.diff", "d", *_DATA_DIFF, needs="dataset"),
    action("datasets.verify", "V", *_DATA_VERIFY, needs="dataset"),
    action(
        "datasets.add",
        "n",
        "freeze",
        "Freeze a file or folder of datasets/ as the next version of a dataset",
        "modeldeck dataset add NAME PATH",
        danger=2,
    ),
    action("dataset.diff", "d", *_DATA_DIFF, needs="dataset"),
    action("dataset.verify", "V", *_DATA_VERIFY, needs="dataset"),
    action(
        "activity.verify",
        "V",
        "verify",
        "Check the whole ledger: chain, owners, signatures, objects",
        "modeldeck ledger verify",
    ),
    action(
        "activity.travel",
        "T",
        "as of",
        "Look at everything as it was after this entry",
        "modeldeck --as-of N",
        needs="entry",
    ),
    action(
        "activity.redact",
        "X",
        "remove text",
        "Remove the text of this remark for good, with a reason",
        "modeldeck annotate --redact ID --reason TEXT",
        danger=2,
        needs="remark",
    ),
)

ACTIONS: tuple[Action, ...] = (*EVERYWHERE, *LIST, *TEXT, *PAGES, *logs.LOGS)

SCOPES = {
    "app": "Everywhere",
    "list": "In a list",
    "text": "In a text",
    "overview": "Overview",
    "runs": "Runs",
    "run": "A run",
    "compare": "Comparison of runs",
    "models": "Models",
    "releases": "Releases",
    "review": "Review of a release",
    "inbox": "Inbox",
    "policy": "Policy and owners' proposals",
    "deployments": "Deployments",
    "sources": "Sources of logs",
    "logs": "Logs",
    "activity": "Activity",
    "datasets": "Data versions",
    "dataset": "One data version",
    "entry": "A text of its own",
}

PAGES_IN_ORDER = (
    ("1", "Overview", "overview"),
    ("2", "Runs", "runs"),
    ("3", "Models", "models"),
    ("4", "Releases", "releases"),
    ("5", "Deploys", "deployments"),
    ("6", "Logs", "sources"),
    ("7", "Activity", "activity"),
)

HINTS = {
    "overview": "list.open overview.approve app.open_log app.annotate app.next_pane app.command",
    "runs": "list.open list.filter list.mark runs.compare list.sort runs.promote app.open_log",
    "run": "run.metric app.open_log app.annotate app.next_tab app.next_pane app.enlarge app.back",
    "compare": "compare.baseline compare.equal compare.metric app.save app.next_pane app.enlarge"
    " app.back",
    "models": "models.promote models.diff list.filter app.next_tab app.annotate app.next_pane",
    "releases": "list.open releases.approve releases.reject app.next_tab app.annotate list.filter",
    "review": "review.approve review.reject review.request_changes app.next_tab review.take_back"
    " app.annotate review.rollback",
    "inbox": "list.open inbox.approve inbox.reject inbox.withdraw app.next_pane app.annotate"
    " app.back",
    "policy": "policy.support policy.withdraw policy.propose list.open app.next_pane"
    " app.next_tab app.back",
    "deployments": "deployments.rollback app.open_log app.annotate app.next_tab app.next_pane"
    " list.filter",
    "sources": "list.open list.mark list.filter app.next_pane app.back",
    "logs": "logs.follow logs.filter logs.find logs.next_error logs.go_to logs.record app.back",
    "activity": "list.open list.filter activity.travel activity.verify app.save",
    "datasets": "list.open datasets.diff datasets.verify datasets.add list.mark list.filter"
    " app.annotate",
    "dataset": "dataset.diff dataset.verify app.annotate app.next_tab app.next_pane app.back",
    "entry": "text.page_down app.copy app.save app.back",
}
"""Which actions the last line of a page shows, the most specific first; help is always there."""
