"""A namespace and its operators, each behind a gate of its own, and who of them leads."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from faults.calls import Call
from faults.desk import Desk
from faults.observer import Json
from faults.operators import Kept
from faults.proxy import LEASES, Gate


@dataclass
class Seat:
    """An operator's place."""

    name: str
    gate: Gate
    operator: Kept

    def kill(self) -> None:
        """SIGKILL, and nothing of what it has sent and nobody has read yet gets through."""
        self.operator.kill()
        self.gate.cut()


@dataclass
class Scene:
    """Where something is played: one operator, or several of which one leads.

    Attributes:
        elected: set once there is a leader.
        deposed: writes that were asked for after another had taken the Lease over; there are none.
        takeovers: how often another had it.
        writes: how many the API server has taken of them.

    """

    name: str
    desk: Desk
    seats: list[Seat] = field(default_factory=list)
    deposed: list[str] = field(default_factory=list)
    takeovers: int = 0
    writes: int = 0
    elected: asyncio.Event = field(default_factory=asyncio.Event)
    _holder: str = ""
    _leads: str = ""
    _since: float = 0.0

    @property
    def gate(self) -> Gate:
        """Of who leads."""
        return self.leader.gate

    @property
    def leader(self) -> Seat:
        """Who has the Lease, as far as is known."""
        return next((seat for seat in self.seats if seat.name == self._leads), self.seats[0])

    def witness(self, gate: Gate, call: Call) -> None:
        """The API server has taken a write."""
        (seat,) = [seat for seat in self.seats if seat.gate is gate]
        if call.resource == LEASES:
            holder = json.loads(call.body)["spec"]["holderIdentity"]
            if holder and holder != self._holder:
                self.takeovers += bool(self._holder)
                self._holder, self._leads = holder, seat.name
                self._since = asyncio.get_running_loop().time()
                self.elected.set()
            return
        self.writes += 1
        if self._leads and seat.name != self._leads and call.at > self._since:
            self.deposed.append(f"{seat.name} after {self._leads} had the Lease: {call}")

    def quiet(self, seconds: float) -> bool:
        """Whether for so long nobody asked for anything."""
        return all(seat.gate.quiet(seconds) for seat in self.seats)

    def kill(self) -> None:
        """Kill who leads."""
        self.leader.kill()

    @property
    def others(self) -> list[Seat]:
        """Who does not lead."""
        return [seat for seat in self.seats if seat is not self.leader]


def may_lead() -> tuple[Json, Json]:
    """What high availability needs beyond the operator's roles, in one namespace."""
    api, kind, name = "rbac.authorization.k8s.io", "Role", "leader-election"
    version, metadata = f"{api}/v1", {"name": name}
    rule = {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["create", "get", "update"],
    }
    everybody = {"apiGroup": api, "kind": "Group", "name": "system:serviceaccounts"}
    return (
        {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": version,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": kind, "name": name},
            "subjects": [everybody],
        },
    )
