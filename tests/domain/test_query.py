"""The filter language: what fits, what does not, and errors that say where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeldeck.domain.filters import fields, query
from modeldeck.errors import InvalidInputError

NOW = "2026-11-23T12:00:00.000000Z"


def run(**changes: object) -> dict[str, object]:
    """Return a run's document."""
    return {
        "id": "20261123-071011-k3f9wz",
        "experiment": "churn",
        "name": "forest",
        "kind": "training",
        "parent": "",
        "status": "finished",
        "started_at": "2026-11-23T07:10:11.000000Z",
        "ended_at": "2026-11-23T07:11:11.000000Z",
        "duration_s": 60.0,
        "user": "ann",
        "host": "gpu01",
        "parameters": {"depth": 8, "kernel": "rbf"},
        "metrics": {
            "acc": {"last": 0.9},
            "loss": {"last": "NaN"},
            "wild": {"last": "Infinity"},
            "val/loss": {"last": 0.2},
            "a b": {"last": 3},
        },
        "tags": {"stage": "best", "version": "7"},
        "progress": {},
        "error": {},
        "archived_at": "2026-11-23T09:00:00.000000Z",
        "notes": ["Depth 8 needs\nmore rows"],
        **changes,
    }


def fits(text: str) -> bool:
    """Say whether the run fits a filter."""
    return query.parse(text, fields.RUNS, now=NOW, me="ann")(run())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "forest",
        "FOREST gpu01",
        "status:fin*",
        "acc>0.8",
        "acc >= 0.9",
        "depth=8",
        "kernel=rbf",
        "kernel!=linear",
        "metrics.acc > 0.8 and params.depth >= 4",
        "owner:me",
        "since:1d",
        "until:1h",
        "since:2026-11-23",
        "tag:best",
        "tag:stage=best",
        "has:acc",
        "!has:error",
        "!svm",
        "not svm",
        "svm or forest",
        "(svm | forest) churn",
        "not (svm or linear)",
        '"forest"',
        "id:k3f9wz",
        "duration>30",
        "duration<5m",
        "age<1d and age>=1h",
        "started>2026-11-22 started<2026-11-24 started=2026-11-23",
        "status=finished AND NOT tag:prod",
        "tag=best",
        "tags.stage=best",
        "user=me",
        "metrics.acc.last == 0.9",
        "loss=nan",
        "wild>1e300",
        "version=7",
        "'forest'",
        "name='forest'",
        '"val/loss">0.1 and metrics."a b"=3',
        "val/loss>0.1",
        "acc<0.3 and status=failed or not tag:prod",
        "(acc<0.3 or status=finished) && depth=8 || svm",
        "is:archived",
        "has:notes",
        "has:notes and !has:datasets",
        "notes:*rows*",
        '"more rows"',
        "needs",
    ],
)
def test_filter_that_describes_a_run_lets_it_through(text: str) -> None:
    """Words, fields, numbers, ages, contraries and groups."""
    assert fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "svm",
        "status:failed",
        "acc>0.9",
        "loss<1",
        "loss>1",
        "nothing>0",
        "owner:bob",
        "since:1h",
        "until:1d",
        "!forest",
        "svm or linear",
        "forest (svm or linear)",
        "parent:*",
        "loss!=3",
        "absent!=3",
        "absent=none",
        "absent!=rbf",
        "kernel>1",
        "version>1",
        "tag!=best",
        "age>1d",
        "ended<2020-01-01",
        "acc<0.3 and (status=failed or not tag:prod)",
        "is:deleted",
    ],
)
def test_filter_that_does_not_describe_a_run_hides_it(text: str) -> None:
    """Also NaN and what the run does not have fit no comparison."""
    assert not fits(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        *[("(", 0), ("a (b", 2), (")", 0), ("a or", 4), ("acc>x", 0), ("a since:x", 2)],
        *[("not", 3), ("or a", 0), ("and a", 0), ("a and", 5), ("a and or b", 6), ("a ()", 3)],
        *[("acc >", 4), ("age=3d", 0), ("a started>soon", 2), ("not and b", 4), ("a > 3 >", 6)],
    ],
)
def test_filter_that_is_not_understood_says_where(text: str, position: int) -> None:
    """The error names the column at which reading ended."""
    with pytest.raises(InvalidInputError) as caught:
        fits(text)
    assert caught.value.data["position"] == position


@given(st.text(alphabet='ab:><=!()| "*0.9', max_size=40))
def test_filter_of_any_characters_is_a_test_or_an_error(text: str) -> None:
    """Nothing that somebody types ends in anything else."""
    try:
        assert fits(text) in {True, False}
    except InvalidInputError:
        return


@pytest.mark.parametrize(
    ("text", "position", "likely"),
    [
        ("statsu:failed", 0, "status"),
        ("forest acx>0.9", 7, "acc"),
        ("not metrcs.acc > 0.9", 4, "metrics.acc"),
        ("ACC>0.9", 0, "acc"),
        ("zzzzzzzz=1", 0, ""),
    ],
)
def test_unknown_field_is_refused_with_the_nearest(text: str, position: int, likely: str) -> None:
    """Where runs are known, a name that none of them has is a mistake; the error says of what."""
    known = fields.RunNames([run()])
    with pytest.raises(InvalidInputError, match="There is no field") as caught:
        query.parse(text, fields.RUNS, now=NOW, known=known)
    assert caught.value.data == {"position": position, "nearest": likely}
    assert f"(column {position + 1})" in caught.value.message


def test_field_with_its_kind_before_it_may_be_of_no_run_yet() -> None:
    """A script may wait for a metric that nothing has logged so far."""
    test = query.parse("metrics.f1>0.9", fields.RUNS, now=NOW, known=fields.RunNames([run()]))
    assert not test(run())
    assert fields.absent("metrics.f1>0.9 metrics.acc>0", [run()]) == [("metrics.f1", "")]


def test_kinds_without_other_fields_refuse_unknown_ones() -> None:
    """Releases have no metrics: a mistyped name is told, not taken for one."""
    with pytest.raises(InvalidInputError, match="status is the nearest"):
        query.parse("sttaus:open", fields.RELEASES, now=NOW)


def test_archived_and_deleted_runs_show_when_asked_for() -> None:
    """By the filter, or by whoever lists them; never else."""
    plain = {key: value for key, value in run().items() if key != "archived_at"}
    gone = {**plain, "deleted_at": NOW}
    every = [plain, run(), gone]
    assert fields.shown(every, "") == [plain]
    assert fields.shown(every, "acc>0 or is:archived") == [plain, run()]
    assert fields.shown(every, "!is=deleted") == [plain, gone]
    assert fields.shown(every, "", also=("archived", "deleted")) is every
