"""The workspace as it was read at one moment: what every page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modeldeck.domain.datasets.documents import DatasetDocument
from modeldeck.domain.documents import (
    ActivityDocument,
    AnnotationDocument,
    DiffRow,
    EndpointDocument,
    InboxItem,
    ModelDocument,
    ReleaseDocument,
    RunDocument,
    TrafficDocument,
    VersionDocument,
)
from modeldeck.domain.reading.reviews import ProposalDocument


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The workspace as it was read at one moment; lists are shared, and never changed.

    The first one comes without runs, which may be many: ``is_whole`` tells. ``no_rollback`` says
    for each environment in which the person may not roll back or stop why; ``no_exception`` is
    what ``Exceptional.why_not`` says. ``rates`` are the requests a second of each endpoint's last
    ten minutes; they are read now and then, last at ``rates_at`` of the monotonic clock.
    """

    workspace: str
    actor: str
    host: str
    read_only_because: str
    at: str
    as_of: str = ""
    is_whole: bool = True
    is_member: bool = True
    environments: Sequence[str] = ()
    pipelines: Sequence[str] = ()
    inbox: Sequence[InboxItem] = ()
    mine: Sequence[InboxItem] = ()
    expiring: Sequence[InboxItem] = ()
    live: Sequence[tuple[EndpointDocument, TrafficDocument]] = ()
    runs: Sequence[RunDocument] = ()
    running: Sequence[RunDocument] = ()
    recent: Sequence[RunDocument] = ()
    latest: Sequence[ActivityDocument] = ()
    latest_revision: tuple[int, ...] = ()
    models: Sequence[ModelDocument] = ()
    versions: Sequence[VersionDocument] = ()
    releases: Sequence[ReleaseDocument] = ()
    remarks: Sequence[AnnotationDocument] = ()
    datasets: Sequence[DatasetDocument] = ()
    proposals: Sequence[ProposalDocument] = ()
    diffs: dict[str, Sequence[DiffRow]] = field(default_factory=dict)
    no_rollback: Mapping[str, str] = field(default_factory=dict)
    no_exception: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    rates_at: float = 0.0

    @property
    def last_environment(self) -> str:
        """The environment at the end of the order: what serves for real."""
        return self.environments[-1] if self.environments else ""

    def release(self, identifier: str) -> ReleaseDocument | None:
        """Return one release."""
        return next((one for one in self.releases if one["id"] == identifier), None)

    def endpoint(self, identifier: str) -> EndpointDocument | None:
        """Return one endpoint."""
        return next((one for one, _traffic in self.live if one["id"] == identifier), None)

    def version(self, identifier: str) -> VersionDocument | None:
        """Return one version."""
        return next((one for one in self.versions if one["id"] == identifier), None)

    def run(self, identifier: str) -> RunDocument | None:
        """Return one run."""
        return next((one for one in self.runs if one["id"] == identifier), None)

    def dataset(self, identifier: str) -> DatasetDocument | None:
        """Return one version of a dataset."""
        return next((one for one in self.datasets if one["id"] == identifier), None)

    def proposal(self, identifier: str) -> ProposalDocument | None:
        """Return one proposal of the owners that waits."""
        return next((one for one in self.proposals if one["id"] == identifier), None)

    def remarks_on(self, *subjects: str) -> list[AnnotationDocument]:
        """Return what was said about some entities and places in them, oldest first."""
        return [one for one in self.remarks if one["subject"].partition("#")[0] in subjects]

    def document(self, entity: str) -> object:
        """Return the document of an entity, written ``kind:id``; None when there is none here."""
        kind, _colon, name = entity.partition(":")
        if kind == "entry":
            return next((one for one in self.latest if str(one["n"]) == name), None)
        if kind == "model":
            return next((one for one in self.models if one["name"] == name), None)
        find = {
            "run": self.run,
            "version": self.version,
            "release": self.release,
            "endpoint": self.endpoint,
            "dataset": self.dataset,
            "proposal": self.proposal,
        }.get(kind)
        return find(name) if find else None
