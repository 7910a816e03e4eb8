"""The policy of the last run, whole, so that what is decided later is decided under the same one.

What a policy never prints, because it identifies patients (pseudonyms of the user's choice, recipes),
is kept beside the ledger: a private file of the workspace, named by the policy's keyed digest.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from scrub_pixels.errors import UsageError
from scrub_pixels.header import Profile
from scrub_pixels.header.crosswalk import Assignment, Assignments
from scrub_pixels.header.recipe import Recipe
from scrub_pixels.policy import Policy, from_table
from scrub_pixels.store.atomic import failures_explained, write_private
from scrub_pixels.store.ledger import RunRecord
from scrub_pixels.store.workspace import Workspace


def keep_hidden(workspace: Workspace, policy: Policy) -> None:
    """Keep what of a policy the ledger does not; nothing is written if there is nothing."""
    file = _file(workspace, policy.digest_under(workspace.key))
    if not policy.profile.hidden or file.exists():
        return
    with failures_explained("The workspace"):
        temporary = file.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        write_private(temporary, iter([json.dumps(_hidden(policy.profile)).encode()]))
        temporary.replace(file)


def standing_policy(workspace: Workspace, record: RunRecord) -> Policy:
    """Return the policy under which a run decided.

    Raises
    ------
    UsageError
        If it cannot be had again as it was: made by another version, or with functions from Python.
    """
    policy = from_table(dict(record.policy))
    file = _file(workspace, record.policy_digest)
    if file.is_file():
        policy = replace(policy, profile=_shown(policy.profile, json.loads(file.read_bytes())))
    if policy.digest_under(workspace.key) != record.policy_digest:
        raise UsageError("The policy of the last run cannot be had again as it was.",
                         remedy="Run scrub-pixels IN OUT --resume with this version, then review.")
    return policy


def _file(workspace: Workspace, digest: str) -> Path:
    return workspace.root / f"policy-{digest[:32]}.json"


def _hidden(profile: Profile) -> dict[str, object]:
    chosen = Assignments(profile.pseudonyms)
    recipe = profile.recipe
    return {
        "pseudonyms": [[patient, a.pseudonym, a.days] for patient, a in sorted(chosen.items())],
        "recipe": [recipe.text, dict(recipe.variables)] if recipe and not recipe.functions else None,
    }


def _shown(profile: Profile, hidden: dict) -> Profile:
    pseudonyms = {patient: Assignment(name, days) for patient, name, days in hidden["pseudonyms"]}
    recipe = Recipe(*hidden["recipe"]) if hidden["recipe"] else profile.recipe
    return replace(profile, pseudonyms=pseudonyms, recipe=recipe)
