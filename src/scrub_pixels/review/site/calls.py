"""What the page can ask for: a table of operations, and one small function for each.

Every function takes a `Call` and returns JSON types, or a `Picture`. None knows of HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scrub_pixels.errors import Refusal, ScrubError
from scrub_pixels.review.desk import Desk
from scrub_pixels.review.site import shapes
from scrub_pixels.review.site.people import Person, Role
from scrub_pixels.review.site.releaser import Releaser
from scrub_pixels.review.site.shapes import Json, Malformed
from scrub_pixels.review.site.visits import Visits
from scrub_pixels.review.views import Form, Picture, Rendering, ReviewConflict, Scope, Then
from scrub_pixels.store.queue import State

LEASE_SECONDS = 300.0
THUMBNAIL = Rendering(longest=192, form=Form.JPEG)


class NotAllowed(ScrubError):
    """This role may not do this; answered with 403."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the page, signed in and checked.

    Parameters
    ----------
    desk, releaser
        Who does it.
    person
        Who asks.
    key, frame
        Entry and frame, where the address names them.
    body, query
        What was sent; only numbers and choices ever stand in the query.
    visit, visits
        The page that asks, and what each page has taken.
    """

    desk: Desk
    releaser: Releaser
    person: Person
    key: str = ""
    frame: int = 0
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    visit: str = ""
    visits: Visits = field(default_factory=Visits)

    @property
    def who(self) -> str:
        """The name in the decision log."""
        return self.person.name


Operation = Callable[[Call], "Json | Picture"]


# -- the list


def entries(call: Call) -> Json:
    """Return one page of the list."""
    return {"entries": [shapes.entry_json(entry) for entry in call.desk.page(shapes.wanted_from(call.body))]}


def facets(call: Call) -> Json:
    """Return the counts behind the filters, how many are left, and what keeps releases back."""
    return {**shapes.facets_json(call.desk.facets()), "left": call.desk.left(),
            "trouble": call.releaser.trouble}


def thumbnail(call: Call) -> Picture:
    """Return a small picture of the first frame."""
    return call.desk.frame(call.key, 0, call.who, THUMBNAIL)


def miss_rate(call: Call) -> Json:
    """Return the figures of quality control."""
    return shapes.miss_rate_json(call.desk.miss_rate())


# -- one entry


def claim(call: Call) -> Json:
    """Take an entry and show it; one that someone else has is shown to look at only."""
    try:
        until = call.desk.claim(call.key, call.who, LEASE_SECONDS).until
    except ReviewConflict as conflict:
        return {**_view(call), "until": 0, "conflict": str(conflict)}
    return _taken(call, until)


def claim_next(call: Call) -> Json:
    """Take the next entry of a filter that nobody has, from the start again at its end."""
    wanted = replace(shapes.wanted_from(call.body), state=State.PENDING)
    found = call.desk.claim_next(call.who, wanted, LEASE_SECONDS)
    if found is None and wanted.after:
        found = call.desk.claim_next(call.who, replace(wanted, after=0), LEASE_SECONDS)
    if found is None:
        return {"entry": None}
    return _taken(replace(call, key=found.key), found.until)


def _taken(call: Call, until: float) -> Json:
    if not _keeps(call):
        return {"entry": None}
    return {**_view(call), "until": until, "conflict": ""}


def _keeps(call: Call) -> bool:
    """Give back at once what was taken for a page that has been left meanwhile."""
    here = call.visits.takes(call.who, call.visit, call.key)
    if not here:
        call.desk.leave(call.key, call.who)
    return here


def renew(call: Call) -> Json:
    """Keep an entry a while longer."""
    until = call.desk.renew(call.key, call.who, LEASE_SECONDS).until
    return {"until": until if _keeps(call) else 0}


def leave(call: Call) -> Json:
    """Give an entry back."""
    call.visits.gives_back(call.who, call.visit, call.key)
    call.desk.leave(call.key, call.who)
    return {}


def leave_page(call: Call) -> Json:
    """Give back all that the page has taken, and what is still being taken for it."""
    for key in call.visits.ends(call.who, call.visit):
        call.desk.leave(key, call.who)
    return {}


def picture(call: Call) -> Picture:
    """Return one frame."""
    return call.desk.frame(call.key, call.frame, call.who, _rendering(call.query))


def draft(call: Call) -> Json:
    """Keep a draft."""
    return shapes.view_json(call.desk.save_draft(call.key, call.who, shapes.draft_from(call.body)), call.who)


def undo(call: Call) -> Json:
    """Go back one step."""
    return shapes.view_json(call.desk.undo(call.key, call.who), call.who)


def redo(call: Call) -> Json:
    """Go forward again."""
    return shapes.view_json(call.desk.redo(call.key, call.who), call.who)


# -- deciding


def accept(call: Call) -> Json:
    """Accept the draft; the release follows beside."""
    _may_approve(call)
    return _decided(call, call.desk.accept(call.key, call.who))


def reject(call: Call) -> Json:
    """Keep an Instance out for good."""
    return _decided(call, call.desk.reject(call.key, call.who, shapes.text_from(call.body, "reason")))


def reopen(call: Call) -> Json:
    """Take a decision back."""
    return _decided(call, call.desk.reopen(call.key, call.who))


def missed(call: Call) -> Json:
    """Say that a released Instance still shows identifying text."""
    return _decided(call, call.desk.missed(call.key, call.who))


# -- many at once


def preview(call: Call) -> Json:
    """Return what an action would touch."""
    changes = call.desk.preview(call.key, _choice(Scope, call.body.get("scope")))
    return {"changes": [shapes.change_json(change) for change in changes]}


def apply(call: Call) -> Json:
    """Apply a draft to other entries."""
    then = _choice(Then, call.body.get("then", Then.DRAFT.value))
    if then is Then.ACCEPT:
        _may_approve(call, many=True)
    applied = call.desk.apply_to(call.key, call.who, shapes.keys_from(call.body), then)
    call.releaser.hurry()
    return shapes.applied_json(applied)


@dataclass(frozen=True, slots=True)
class Route:
    """How an operation is reached and who may use it."""

    method: str
    path: str
    operation: Operation
    role: Role = Role.REVIEWER


ROUTES = (
    Route("POST", "/entries", entries),
    Route("GET", "/facets", facets),
    Route("GET", "/miss-rate", miss_rate),
    Route("POST", "/next", claim_next),
    Route("POST", "/leave", leave_page),
    Route("GET", "/entries/{key}/thumbnail", thumbnail),
    Route("GET", "/entries/{key}/frames/{frame:int}", picture),
    Route("POST", "/entries/{key}/claim", claim),
    Route("POST", "/entries/{key}/renew", renew),
    Route("POST", "/entries/{key}/leave", leave),
    Route("POST", "/entries/{key}/draft", draft),
    Route("POST", "/entries/{key}/undo", undo),
    Route("POST", "/entries/{key}/redo", redo),
    Route("POST", "/entries/{key}/accept", accept),
    Route("POST", "/entries/{key}/reject", reject),
    Route("POST", "/entries/{key}/reopen", reopen, Role.APPROVER),
    Route("POST", "/entries/{key}/missed", missed),
    Route("POST", "/entries/{key}/preview", preview),
    Route("POST", "/entries/{key}/apply", apply),
)
"""Below ``/api``."""


def _view(call: Call) -> Json:
    try:
        view = call.desk.look(call.key, call.who)
    except Refusal as refusal:  # what cannot be looked at can still be rejected
        view = call.desk.unseen(call.key, str(refusal))
    return shapes.view_json(view, call.who)


def _decided(call: Call, entry: Any) -> Json:
    call.releaser.hurry()
    return {"entry": shapes.entry_json(entry)}


def _may_approve(call: Call, many: bool = False) -> None:
    """Where two have to agree, the last word is an approver's; among many it may be on any of them.

    Raises
    ------
    NotAllowed
        If this would be the last word, and a reviewer's.
    """
    if call.person.role.may(Role.APPROVER):
        return
    view = call.desk.look(call.key, call.who)
    others = [name for name in view.approvals if name != call.who]
    if view.approvals_needed > 1 and (many or len(others) + 1 >= view.approvals_needed):
        raise NotAllowed("The last approval is an approver's.", remedy="Leave this entry to one.")


def _rendering(query: Mapping[str, str]) -> Rendering:
    window = None
    if "center" in query or "width" in query:
        window = _float(query.get("center", "")), _float(query.get("width", ""))
        if window[1] <= 0:
            raise Malformed("A window has a width above 0.")
    form = Form.JPEG if query.get("form") == "jpeg" else Form.PNG
    return Rendering(masked=query.get("masked") == "1", window=window, form=form)


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise Malformed("A number is none.")
    return value


def _choice(kind: Any, value: Any) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise Malformed("There is no such choice.", remedy="Load the page again.") from None


