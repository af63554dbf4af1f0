"""What the ledger says after its last entry, or after the one that is looked back to.

What was live on a day, who approved it, on which evidence: the answer is one document.
"""

from __future__ import annotations

from modeldeck.domain.documents import EndpointDocument
from modeldeck.domain.history.documents import ServedDocument, StandingDocument
from modeldeck.services.base.deck import Deck
from modeldeck.services.deployments import Deployments
from modeldeck.services.releases import Releases


class Standing:
    """Tells what every endpoint serves, and what that rests on."""

    def __init__(self, deck: Deck, *, deployments: Deployments, releases: Releases) -> None:
        self.deck = deck
        self._deployments = deployments
        self._releases = releases

    def read(self) -> StandingDocument:
        """Return the last entry, and what each endpoint serves after it.

        Returns
        -------
        StandingDocument
            Of each endpoint the version with the release that brought it there, who asked for that,
            approved it and made its gate report. Who rolled back, or broke the glass, stands in the
            activity of the endpoint: the release is then the one that had brought the version.
        """
        with self.deck.reading() as state:
            last, head, policy = state.activity[-1], state.head, state.policy_digest
        return StandingDocument(
            n=last.n,
            head=head,
            at=last.at,
            by=last.by,
            policy=policy,
            endpoints=[self._served(one) for one in self._deployments.list()],
        )

    def _served(self, endpoint: EndpointDocument) -> ServedDocument:
        found = ServedDocument(
            id=endpoint["id"],
            version=endpoint["version"],
            manifest=endpoint["manifest"],
            status=endpoint["status"],
            since=endpoint["since"],
            release=endpoint["release"],
            asked_by="",
            approved_by=[],
            report="",
            report_by="",
        )
        if not endpoint["release"]:
            return found
        release = self._releases.show(endpoint["release"])
        last = {one["by"]: one["verdict"] for one in release["approvals"]}
        found["asked_by"] = release["requested_by"]
        found["approved_by"] = [name for name, verdict in last.items() if verdict == "approve"]
        if release["gate"] is not None:
            found["report"] = release["gate"]["report"]
            found["report_by"] = release["gate"]["made_by"]
        return found
