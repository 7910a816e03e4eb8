"""Who sits before the site: a name and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Role(str, Enum):
    """What a person may do; each may all that the ones before may."""

    REVIEWER = "reviewer"
    APPROVER = "approver"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Tell whether this role includes another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who has signed in.

    Parameters
    ----------
    name
        As it stands in the decision log.
    role
        What this person may do.
    """

    name: str
    role: Role
