"""The policy of the last run, whole, so that what is decided later is decided under the same one.

Printed settings, and what a policy never prints because it identifies patients (pseudonyms of the
user's choice, recipes), are kept in a private file of the workspace, named by the policy's digest.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from scrub_pixels.errors import UsageError
from scrub_pixels.header import Profile
from scrub_pixels.header.crosswalk import Assignment, Assignments
from scrub_pixels.header.recipe import Recipe
from scrub_pixels.policy import Policy, from_table, to_table
from scrub_pixels.store.atomic import failures_explained, write_private
from scrub_pixels.store.ledger import RunRecord
from scrub_pixels.store.workspace import Workspace


def keep_policy(workspace: Workspace, policy: Policy) -> None:
    """Keep a policy whole, once."""
    file = _file(workspace, policy.digest_under(workspace.key))
    if file.exists():
        return
    content = {"policy": to_table(policy), **_hidden(policy.profile)}
    with failures_explained("The workspace"):
        temporary = file.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        write_private(temporary, iter([json.dumps(content).encode()]))
        temporary.replace(file)


def standing_policy(workspace: Workspace, record: RunRecord) -> Policy:
    """Return the policy under which a run decided.

    Raises
    ------
    UsageError
        If it cannot be had again: not kept, of another version, or with functions from Python.
    """
    file = _file(workspace, record.policy_digest)
    kept: dict[str, Any] = json.loads(file.read_bytes()) if file.is_file() else {"functions": True}
    if kept["functions"]:
        raise UsageError("The policy of the last run cannot be had again as it was.",
                         remedy="Run scrub-pixels IN OUT --resume, without functions from Python.")
    policy = from_table(kept["policy"])
    return replace(policy, profile=_shown(policy.profile, kept))


def _file(workspace: Workspace, digest: str) -> Path:
    return workspace.root / f"policy-{digest[:32]}.json"


def _hidden(profile: Profile) -> dict[str, object]:
    chosen = Assignments(profile.pseudonyms)
    recipe = profile.recipe
    return {
        "pseudonyms": [[patient, a.pseudonym, a.days] for patient, a in sorted(chosen.items())],
        "recipe": [recipe.text, dict(recipe.variables)] if recipe else None,
        "functions": bool(recipe and recipe.functions),
    }


def _shown(profile: Profile, hidden: dict) -> Profile:
    pseudonyms = {patient: Assignment(name, days) for patient, name, days in hidden["pseudonyms"]}
    recipe = Recipe(*hidden["recipe"]) if hidden["recipe"] else profile.recipe
    return replace(profile, pseudonyms=pseudonyms, recipe=recipe)
