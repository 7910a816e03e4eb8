"""A desk without pipeline and database: what the tests of the review site set it before."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np

from scrub_pixels.decisions.findings import Redaction, Verdict
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.desk import Desk
from scrub_pixels.review.views import (
    PLAIN,
    Applied,
    Change,
    Claim,
    EntryView,
    FindingView,
    Form,
    MissRate,
    NoSuchEntry,
    Picture,
    ReviewConflict,
    Scope,
)
from scrub_pixels.store.queue import Draft, Entry, Facets, Kind, LogLine, Says, State

ROWS, COLUMNS, FRAMES = 480, 640, 24
MANY_NAMES = ("ROE^RICHARD 1950-03-04", "GENERAL HOSPITAL", "DEPTH 15 CM")


def entry(number: int, **changes) -> Entry:
    made = Entry(
        id=number, key=f"key{number:04d}", path="/in/secret", member=None, relative="ward 3/ROE^RICHARD.dcm",
        size=1, modified=1, state=State.PENDING, kind=Kind.HELD, created=1.7e9 + number, modality="US",
        device="ACME · Sono 3000", series=f"s{number // 4}", rows=ROWS, columns=COLUMNS, frames=FRAMES,
        reasons=("text that could not be judged", "Burned In Annotation is YES"))
    return replace(made, **changes)


class FakeDesk(Desk):
    """Keeps everything in memory, and remembers what was asked of it."""

    def __init__(self, count: int = 5, approvals: int = 1, readings: tuple[str, ...] = MANY_NAMES) -> None:
        self.entries = {e.key: e for e in (entry(n) for n in range(1, count + 1))}
        self.readings, self.needed = readings, approvals
        self.leases: dict[str, Claim] = {}
        self.steps: dict[str, list[Draft]] = {}
        self.at: dict[str, int] = {}
        self.approved: dict[str, set[str]] = {}
        self.audit: list[tuple[str, str]] = []
        self.carried = 0
        self._lock = threading.RLock()

    def page(self, wanted):
        fits = [e for e in self.entries.values() if e.id > wanted.after and _fits(e, wanted)]
        return sorted(fits, key=lambda e: e.id)[: wanted.limit]

    def facets(self):
        waiting = [e for e in self.entries.values() if e.state is State.PENDING]
        return Facets(Counter(e.state.value for e in self.entries.values()),
                      Counter(e.kind.value for e in waiting), Counter(r for e in waiting for r in e.reasons),
                      Counter(e.device for e in waiting), Counter(e.modality for e in waiting))

    def left(self):
        return sum(e.state is State.PENDING for e in self.entries.values())

    def claim(self, key, who, seconds=300):
        with self._lock:
            self._entry(key)
            held = self.leases.get(key)
            if held and held.who != who and held.until > time.time():
                raise ReviewConflict(f"{held.who} has this entry.", remedy="Take another, or only look.")
            self.leases[key] = Claim(key, who, time.time() + seconds)
            return self.leases[key]

    def claim_next(self, who, wanted, seconds=300):
        with self._lock:
            for found in self.page(replace(wanted, limit=10_000)):
                held = self.leases.get(found.key)
                if not held or held.until < time.time() or (held.who == who and found.id > wanted.after):
                    return self.claim(found.key, who, seconds)
        return None

    def renew(self, key, who, seconds=300):
        return self.claim(key, who, seconds)

    def leave(self, key, who):
        self.leases.pop(key, None)

    def look(self, key, who):
        found, step = self._entry(key), self.at.get(key, 0)
        self.audit.append((who, key))
        steps = self._drafts(key)
        return EntryView(
            found, ROWS, COLUMNS, found.frames, self._findings(), self._proposed(), steps[step], step > 0,
            step < len(steps) - 1, None, 20.0, {Scope.SERIES: 2, Scope.LAYOUT: 3},
            tuple(sorted(self.approved.get(key, ()))), self.needed, (LogLine(1.7e9, "pipeline", "held", {}),))

    def frame(self, key, frame, who, wanted=PLAIN):
        found = self._entry(key)
        if not 0 <= frame < found.frames:
            raise NoSuchEntry("There is no such frame.")
        self.audit.append((who, f"{key} {frame}"))
        image = _image(frame, self.readings)
        if wanted.longest:
            image = cv2.resize(image, (wanted.longest, wanted.longest * ROWS // COLUMNS))
        suffix = ".jpg" if wanted.form is Form.JPEG else ".png"
        return Picture(cv2.imencode(suffix, image)[1].tobytes(), wanted.form)

    def save_draft(self, key, who, draft):
        self._mine(key, who)
        dropped = {a.finding for a in draft.answers if a.says is not Says.PHI}
        kept = [r for r in draft.redactions if not any(_same(r, self._findings()[i]) for i in dropped)]
        steps = self._drafts(key)
        del steps[self.at.get(key, 0) + 1:]
        steps.append(Draft(tuple(kept), draft.answers))
        self.at[key] = len(steps) - 1
        return self.look(key, who)

    def undo(self, key, who):
        self._mine(key, who)
        self.at[key] = max(0, self.at.get(key, 0) - 1)
        return self.look(key, who)

    def redo(self, key, who):
        self._mine(key, who)
        self.at[key] = min(len(self._drafts(key)) - 1, self.at.get(key, 0) + 1)
        return self.look(key, who)

    def accept(self, key, who):
        self._mine(key, who)
        self.approved.setdefault(key, set()).add(who)
        enough = len(self.approved[key]) >= self.needed
        return self._now(key, State.ACCEPTED if enough else State.PENDING)

    def reject(self, key, who, reason=""):
        self._mine(key, who)
        self.audit.append((who, f"rejected: {reason}"))
        return self._now(key, State.REJECTED)

    def reopen(self, key, who):
        return self._now(key, State.PENDING)

    def missed(self, key, who):
        return self._now(key, State.PENDING)

    def carry_out(self):
        self.carried += 1
        return 0

    def preview(self, key, scope):
        others = [e for e in self.entries.values() if e.key != key and e.state is State.PENDING]
        return [Change(e, self._proposed(), ()) for e in others[:3]]

    def apply_to(self, key, who, keys, then=None):
        return Applied(tuple(keys), ())

    def miss_rate(self):
        return MissRate(population=4000, sampled=80, reviewed=40, missed=1, covered=3000, estimate=0.025,
                        low=0.0006, high=0.132)

    def note(self, who, what, **detail):
        self.audit.append((who, what))

    def _entry(self, key):
        if key not in self.entries:
            raise NoSuchEntry("There is no such entry.", remedy="Go back to the list.")
        return self.entries[key]

    def _mine(self, key, who):
        held = self.leases.get(key)
        if not held or held.who != who:
            raise ReviewConflict("This entry is not yours.", remedy="Take it first.")

    def _now(self, key, state):
        self.entries[key] = replace(self._entry(key), state=state)
        self.leases.pop(key, None)
        return self.entries[key]

    def _drafts(self, key):
        return self.steps.setdefault(key, [Draft(self._proposed())])

    def _findings(self):
        every = FrameSpan(0, FRAMES)
        verdicts = (Verdict.PHI, Verdict.UNSURE, Verdict.BENIGN)
        why = (("header match: PatientName",), ("unknown word", "near the top"), ("vocabulary: depth",))
        return tuple(
            FindingView(i, Region(20 + 40 * i, 20, 24, 330), FrameSpan(4, 12) if i == 1 else every,
                        verdicts[i % 3], text, 0.97, why[i % 3]) for i, text in enumerate(self.readings))

    def _proposed(self):
        return tuple(Redaction(f.region, f.frames, "header match: PatientName")
                     for f in self._findings() if f.verdict is not Verdict.BENIGN)


def _same(redaction, finding):
    return redaction.region.overlaps(finding.region)


def _fits(found, wanted):
    return ((wanted.state in (None, found.state)) and (wanted.kind in (None, found.kind))
            and wanted.device in ("", found.device) and wanted.modality in ("", found.modality)
            and (not wanted.reason or wanted.reason in found.reasons))


def _image(frame, readings):
    """Draw a fan of speckle, a clock that runs and the lines that were read."""
    noise = np.random.default_rng(frame).integers(20, 120, (ROWS, COLUMNS), dtype=np.uint8)
    image = np.zeros_like(noise)
    cv2.ellipse(image, (COLUMNS // 2, 90), (370, 370), 0, 50, 130, 255, -1)
    image = np.minimum(image, cv2.GaussianBlur(noise, (5, 5), 0))
    for i, text in enumerate(readings):
        if i != 1 or 4 <= frame < 12:
            cv2.putText(image, text.encode("ascii", "replace").decode()[:28], (24, 38 + 40 * i),
                        cv2.FONT_HERSHEY_SIMPLEX, 0.6, 230, 1, cv2.LINE_AA)
    cv2.putText(image, f"{frame:03d}", (560, 460), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 200, 1, cv2.LINE_AA)
    return image
