"""The words of an evidence folder: its README and its script."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import CheckDocument, DiffRow, ReleaseDocument, VoteDocument
from modeldeck.domain.state import Activity
from modeldeck.store.signing import NAMESPACE

SUMS = "SHA256SUMS"
"""The list of all other files, as ``sha256sum`` reads it."""

_SCRIPT = """\
#!/bin/sh
# Checks this folder. Prints OK at the end; else the first thing that does not hold.
set -eu
cd "$(dirname "$0")"

fail() { echo "$1" >&2; exit 1; }

# 1. Every file is what its digest says.
sha256sum --quiet --strict -c @SUMS@ || fail "A file of this folder is not what it was."
sha256sum --quiet --strict -c chain.sha256 || fail "An entry is not what it was."
[ ! -s objects.sha256 ] || sha256sum --quiet --strict -c objects.sha256 || fail "An object changed."

# 2. Every entry names the digest of the one before it.
n=0
before=
while read -r digest name; do
  n=$((n + 1))
  [ -z "$before" ] || grep -q "\\"n\\":$n,\\"prev\\":\\"$before\\",\\"signature\\":" "$name" ||
    fail "Entry $n does not follow on the one before."
  before=$digest
done < chain.sha256
[ "$before" = @HEAD@ ] || fail "The last entry is another one."

# 3. Every signature is by a key of the member who is named, over the bytes of the entry: those of
#    its file without at, host, n, prev, signature and v, which stand at fixed places.
tail='"host":"[^"]*",("id":"[^"]*",)"n":[0-9]*,"prev":"[0-9a-f]*","signature":"[^"]*",'
tail="$tail"'("subject":"[^"]*",)"v":[0-9]*,("workspace":"[0-9a-f]*"[}])$'
covered() {
  sed -E -e 's/^([{]"action":"[^"]*",)"at":"[^"]*",/\\1/' -e "s/$tail/\\1\\2\\3/" "$1" | tr -d '\\n'
}
verify() {
  ssh-keygen -Y verify -f allowed_signers -I "$2" -n @NAMESPACE@ -s "signatures/$1.sig" \
    < "signatures/$1.signed" > /dev/null || fail "The signature of entry $1 is not by $2."
  file="ledger/$(printf %010d "$1").json"
  covered "$file" | cmp -s - "signatures/$1.signed" && return 0
  command -v jq > /dev/null || fail "Entry $1 says something else than was signed, it seems."
  jq -cjS '{action,body,by,head,id,subject,workspace}' "$file" |
    cmp -s - "signatures/$1.signed" || fail "Entry $1 says something else than was signed."
}
@VERIFY@
echo OK
"""
_HOW = """\
## How to check it

`sh check.sh` does all of this and prints OK. By hand:

1. `sha256sum --strict -c {sums}`: every file of this folder, also this one and the script, is what
   it was when it was written. `sha256sum {sums}` prints what can be compared with what was noted
   then. `sha256sum --strict -c chain.sha256` and `sha256sum --strict -c objects.sha256`: every
   entry and object is what the ledger says.
2. Each entry of `ledger/` names the digest of the one before it as `prev`. The last one is
   `{head}` (entry {n}): compare it with what was noted elsewhere, such as in a ticket or a tag
   (`modeldeck ledger anchor` prints it). Nobody can change an entry without changing it.
3. For each signed entry, here number N by MEMBER:
   `ssh-keygen -Y verify -f allowed_signers -I MEMBER -n {namespace}
   -s signatures/N.sig < signatures/N.signed`.
   What was signed is the entry's file without `at`, `host`, `n`, `prev`, `signature` and `v`, byte
   for byte: compare them by eye, or where there is jq
   `jq -cjS '{{action,body,by,head,id,subject,workspace}}' ledger/N.json` prints the same bytes.
4. `allowed_signers` holds the keys that the ledger gave to members: entry 1, each `member.add` and
   each `member.change`. From its number on a `member.revoke`, or a `member.change` that revokes a
   key, ends what they can do.
"""


def check_script(signed: Sequence[tuple[int, str]], *, head: str) -> str:
    """Return the script that checks a folder; ``signed`` are numbers and authors of entries."""
    calls = "\n".join(f"verify {n} {by}" for n, by in signed)
    parts = {"@HEAD@": head, "@NAMESPACE@": NAMESPACE, "@VERIFY@": calls, "@SUMS@": SUMS}
    script = _SCRIPT
    for mark, text in parts.items():
        script = script.replace(mark, text)
    return script


def readme(
    release: ReleaseDocument,
    lines: Sequence[tuple[Activity, str]],
    *,
    diff: Sequence[DiffRow],
    head: str,
    n: int,
) -> str:
    """Return the summary of a release, as Markdown; ``lines`` are entries with what they did."""
    replaces = release["replaces_version"] or "nothing"
    facts = _facts(release)
    parts = [
        f"# Release {release['id']}",
        _table(("", ""), [(name, value) for name, value in facts if value]),
        "## Votes",
        _table(
            ("By", "Verdict", "At", "Level", "Reason", "Counts"),
            [_vote(one) for one in release["approvals"]],
        ),
    ]
    gate = release["gate"]
    if gate is not None:
        verdict = "passed" if gate["passed"] else "did not pass"
        parts += [
            f"## Gate: {verdict}, run by {_cell(gate['made_by'])}, {gate['at']}",
            _table(
                ("Check", "Required", "Passed", "Value", "Bound", "Reason"),
                [_check(one) for one in gate["checks"]],
            ),
        ]
    if diff:
        parts += [
            "## What changes",
            _table(
                ("", "", replaces, release["version"], "Change"), [_differs(one) for one in diff]
            ),
        ]
    parts += [
        "## Entries of the ledger",
        _table(
            ("Entry", "At", "By", "Level", "What"),
            [(str(one.n), one.at, one.by, one.level.word, text) for one, text in lines],
        ),
        _HOW.format(head=head, n=n, namespace=NAMESPACE, sums=SUMS).rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(release: ReleaseDocument) -> list[tuple[str, str]]:
    return [
        ("Version", release["version"]),
        ("Environment", release["environment"]),
        ("In place of", release["replaces_version"] or "nothing"),
        ("State", release["status"]),
        ("Asked for by", f"{release['requested_by']}, {release['requested_at']}"),
        ("Reason", release["reason"]),
        ("Decided", _decided(release)),
        ("Manifest", release["manifest"]),
        ("Policy", release["policy"]),
        ("Trust that the policy asks for", release["trust"]),
    ]


def _decided(release: ReleaseDocument) -> str:
    if not release["decided_at"]:
        return ""
    return f"{release['decided_at']}, by {release['decided_by']}"


def _vote(one: VoteDocument) -> tuple[str, ...]:
    counts = one["why_not"] or "yes"
    return one["by"], one["verdict"], one["at"], one["level"], one["reason"], counts


def _differs(one: DiffRow) -> tuple[str, ...]:
    better = {True: " (better)", False: " (worse)", None: ""}[one["better"]]
    return one["section"], one["name"], one["before"], one["after"], one["delta"] + better


def _check(one: CheckDocument) -> tuple[str, ...]:
    shown = ("" if value is None else str(value) for value in (one["value"], one["threshold"]))
    required, passed = ("yes" if one[key] else "no" for key in ("required", "passed"))
    return one["name"], required, passed, *shown, one["reason"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(one) for one in line)} |" for line in lines)


_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\|`*_[]<>"} | {"\n": " ", "\r": " "})


def _cell(text: str) -> str:
    """Return a text as a cell: markup in it is shown, and control characters are marks."""
    shown = "".join(
        one if one.isprintable() or one in "\n\r" else "\N{REPLACEMENT CHARACTER}" for one in text
    )
    return shown.translate(_MARKUP)
