"""The words of an evidence folder: its README and its script."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import CheckDocument, ReleaseDocument, VoteDocument
from modeldeck.domain.state import Activity
from modeldeck.services.activity import sentence
from modeldeck.store.signing import NAMESPACE

_SCRIPT = """\
#!/bin/sh
# Checks this folder. Prints OK at the end; else the first thing that does not hold.
set -eu
cd "$(dirname "$0")"

fail() { echo "$1" >&2; exit 1; }

# 1. Every file is what its digest says.
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

# 3. Every signature is by a key of the member who is named, over the bytes of the entry.
verify() {
  ssh-keygen -Y verify -f allowed_signers -I "$2" -n @NAMESPACE@ -s "signatures/$1.sig" \\
    < "signatures/$1.signed" > /dev/null || fail "The signature of entry $1 is not by $2."
  command -v jq > /dev/null || return 0
  jq -cjS '{action,body,by,head,id,subject,workspace}' "ledger/$(printf %010d "$1").json" |
    cmp -s - "signatures/$1.signed" || fail "Entry $1 says something else than was signed."
}
@VERIFY@
command -v jq > /dev/null ||
  echo "Without jq the signed bytes were not compared with the entries." >&2
echo OK
"""
_HOW = """\
## How to check it

`./check.sh` does all of this and prints OK. By hand:

1. `sha256sum -c chain.sha256` and `sha256sum -c objects.sha256`: every file is what its digest
   says.
2. Each entry of `ledger/` names the digest of the one before it as `prev`. The last one is
   `{head}` (entry {n}): compare it with what was noted elsewhere, such as in a ticket or a tag
   (`modeldeck ledger anchor` prints it). Nobody can change an entry without changing it.
3. For each signed entry, here number N by MEMBER:
   `ssh-keygen -Y verify -f allowed_signers -I MEMBER -n {namespace}
   -s signatures/N.sig < signatures/N.signed`.
   What was signed is the entry without its number, time and place:
   `jq -cjS '{{action,body,by,head,id,subject,workspace}}' ledger/N.json` prints the same bytes.
4. `allowed_signers` holds the keys that the ledger gave to members: entry 1 and each `member.add`.
   A `member.revoke` ends what its keys can do from its number on.
"""


def check_script(signed: Sequence[tuple[int, str]], *, head: str) -> str:
    """Return the script that checks a folder; ``signed`` are numbers and authors of entries."""
    calls = "\n".join(f"verify {n} {by}" for n, by in signed)
    parts = {"@HEAD@": head, "@NAMESPACE@": NAMESPACE, "@VERIFY@": calls}
    script = _SCRIPT
    for mark, text in parts.items():
        script = script.replace(mark, text)
    return script


def readme(release: ReleaseDocument, lines: Sequence[Activity], *, head: str, n: int) -> str:
    """Return the summary of a release, as Markdown."""
    replaces = release["replaces_version"] or "nothing"
    facts = [
        ("Version", release["version"]),
        ("Environment", release["environment"]),
        ("In place of", replaces),
        ("State", release["status"]),
        ("Asked for by", f"{release['requested_by']}, {release['requested_at']}"),
        ("Reason", release["reason"]),
        ("Decided", _decided(release)),
        ("Manifest", release["manifest"]),
        ("Policy", release["policy"]),
        ("Trust that the policy asks for", release["trust"]),
    ]
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
    parts += [
        "## Entries of the ledger",
        _table(
            ("Entry", "At", "By", "Level", "What"),
            [(str(one.n), one.at, one.by, one.level.word, sentence(one)) for one in lines],
        ),
        _HOW.format(head=head, n=n, namespace=NAMESPACE).rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def _decided(release: ReleaseDocument) -> str:
    if not release["decided_at"]:
        return ""
    return f"{release['decided_at']}, by {release['decided_by']}"


def _vote(one: VoteDocument) -> tuple[str, ...]:
    counts = one["why_not"] or "yes"
    return one["by"], one["verdict"], one["at"], one["level"], one["reason"], counts


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
