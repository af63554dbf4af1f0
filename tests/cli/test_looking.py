"""Commands that look: filters, the past, cards, lineage, entries, remarks taken back."""

from __future__ import annotations

from tests.cli.program import Program


def test_filter_of_runs_narrows_and_an_error_of_it_is_explained(program: Program) -> None:
    """What fits is listed; a line that is not understood is invalid input."""
    runs = program("run", "list", "--json").json
    found = program("run", "list", "--where", "accuracy>0 !nothing", "--json").json
    assert [one["id"] for one in found] == [one["id"] for one in runs if one["metrics"]]
    assert program("run", "list", "--where", "status:failed", "--json").json == []
    assert "As in:" in program("run", "list", "--where", "(", expect=4).err


def test_past_is_shown_read_only(program: Program) -> None:
    """After its first entry the workspace had one; nothing can be written there."""
    assert [one["n"] for one in program("activity", "--as-of", "1", "--json").json] == [1]
    assert len(program("activity", "--json").json) > 1
    last = str(program("activity", "--json").json[0]["n"])
    assert "as of" in program("--as-of", last, "annotate", "cancer", "x", expect=6).err
    assert "no entry" in program("--as-of", "99999", "activity", expect=3).err
    assert "no time" in program("--as-of", "soon", "activity", expect=4).err


def test_entry_card_and_lineage_tell_what_is_recorded(program: Program) -> None:
    """An entry with its file, a version's card, and the way from data to the version."""
    entry = program("ledger", "show", "1", "--json").json
    assert entry["activity"]["action"] == "workspace.found"
    assert '"action":"workspace.found"' in entry["raw"]
    assert "workspace.found" in program("ledger", "show", "1").out
    program("ledger", "show", "99999", expect=3)
    then = program("ledger", "show", "--as-of", "1", "--json").json
    assert (then["n"], then["endpoints"]) == (1, [])
    card = program("model", "card", "cancer@1").out
    assert card.startswith("# cancer@1")
    assert "## Evaluation" in card
    kinds = [one["kind"] for one in program("lineage", "cancer@1", "--json").json]
    assert kinds[:3] == ["data", "run", "run"] or kinds[:3] == ["data", "run", "version"]


def test_remark_is_taken_back_by_its_author_alone(program: Program) -> None:
    """It is listed, somebody else cannot take it back, its author can, once."""
    program("annotate", "cancer", "look twice")
    found = program("annotation", "list", "cancer", "--json").json
    assert [one["text"] for one in found] == ["look twice"]
    assert "look twice" in program("annotation", "list").out
    program("annotation", "withdraw", found[0]["id"], user="bob", expect=6)
    program("annotation", "withdraw", found[0]["id"])
    program("annotation", "withdraw", found[0]["id"], expect=3)
    assert program("annotation", "list", "--json").json == []


def test_tags_are_put_shown_filtered_by_and_taken_away(program: Program) -> None:
    """A tag with and without a value; a run's stand in its document; wrong ones are refused."""
    run = program("run", "list", "--json").json[0]["id"]
    program("tag", run, "baseline", "owner=risk team")
    found = program("tag", run, "--json").json
    assert found == {"subject": f"run:{run}", "tags": {"baseline": "", "owner": "risk team"}}
    assert program("run", "show", run, "--json").json["tags"]["owner"] == "risk team"
    assert [one["id"] for one in program("run", "list", "--where", "tag:baseline", "--json").json]
    program("tag", run, "baseline", expect=5)
    program("tag", run, "baseline", "--remove")
    program("tag", run, "baseline", "--remove", expect=3)
    program("tag", run, "not a tag", expect=4)
    program("tag", "cancer@1", "champion")
    assert program("model", "versions", "--json").json[0]["tags"] == {"champion": ""}
    assert "tagged cancer@1 champion" in program("activity").out


def test_difference_of_two_versions_is_what_changed(waiting: Program) -> None:
    """A version differs from itself in no value; unknown ones are not found."""
    rows = waiting("model", "diff", "cancer@1", "cancer@1", "--json").json
    assert {one["section"] for one in rows} == {"metrics"}
    assert all(one["before"] == one["after"] for one in rows)
    assert "CANCER@1" in waiting("model", "diff", "cancer@1", "cancer@1").out
    waiting("model", "diff", "cancer@1", "cancer@99", expect=3)


def test_vote_is_taken_back_while_nothing_is_decided(waiting: Program) -> None:
    """Abstaining takes the vote back and the release lacks it again; without a vote it fails."""
    release = waiting("release", "list", "--json").json[0]["id"]
    waiting("release", "abstain", release, user="dave", expect=5)
    before = waiting("release", "show", release, "--json").json["missing"]
    voted = waiting("release", "request-changes", release, "--reason", "x", "--json", user="dave")
    assert voted.json["status"] == "changes-requested"
    after = waiting("release", "abstain", release, "--json", user="dave").json
    assert (after["status"], after["missing"]) == ("waiting", before)
