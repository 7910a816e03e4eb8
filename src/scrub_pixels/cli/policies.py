"""Options that say what decides, and the Policy they come to; the command ``policy``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from scrub_pixels.cli.app import POLICY, app
from scrub_pixels.errors import UsageError

if TYPE_CHECKING:
    from scrub_pixels.header import Profile
    from scrub_pixels.policy import Policy

policy_app = App(name="policy", help="Show the settings that decide what is released.")
app.command(policy_app)

OnUncertain = Literal["hold", "mask", "refuse"]
Keep = Literal["keep-harmless", "all-text"]
Unlisted = Literal["refuse", "generate"]


@Parameter(name="*", group=POLICY)
@dataclass(frozen=True)
class PolicyOptions:
    """Options that change the policy; a flag wins over the policy file.

    Parameters
    ----------
    policy
        TOML file with settings; `scrub-pixels policy show` prints every name and its default.
    reader
        What reads text: rapidocr (default) or easyocr (needs the extra [easyocr]).
    detector
        What looks for text: both (default), network (ours) or reader (its own detector).
    keep
        keep-harmless keeps technical text that is proven harmless; all-text masks every text.
    on_uncertain
        What happens to an Instance with text that may or may not identify a person.
    profile
        Header profile: basic, strict, research or midi.
    recipe
        File with rules in pydicom/deid's language; they go before the profile.
    recipe_variable
        NAME=VALUE, what `var:NAME` in the recipe stands for; may be given several times.
    pseudonyms
        CSV file `PatientID,pseudonym[,days]` with pseudonyms of your choice.
    unlisted_patients
        What happens to patients whom that file does not name: refuse (default) or generate a pseudonym.
    header_only
        De-identify headers only; pixels are passed on unsearched, and nothing is claimed of them.
    """

    policy: Annotated[Path | None, Parameter(name=["--policy", "-p"])] = None
    reader: str | None = None
    detector: str | None = None
    keep: Keep | None = None
    on_uncertain: OnUncertain | None = None
    profile: str | None = None
    recipe: Path | None = None
    recipe_variable: Annotated[tuple[str, ...], Parameter(negative="")] = ()
    pseudonyms: Path | None = None
    unlisted_patients: Unlisted = "refuse"
    header_only: Annotated[bool | None, Parameter(negative="")] = None


AS_IT_IS = PolicyOptions()


def effective_policy(options: PolicyOptions) -> Policy:
    """Return the policy of the file (or the defaults) with the flags laid over it."""
    from scrub_pixels.policy import Policy, from_table, load_policy, to_table

    policy = load_policy(options.policy) if options.policy else Policy()
    table = to_table(policy)
    table |= {name: getattr(options, name) for name in ("reader", "detector", "header_only")
              if getattr(options, name) is not None}
    if options.keep:
        table["decisions"]["policy"] = options.keep
    if options.on_uncertain:
        table["decisions"]["on_uncertain"] = options.on_uncertain
    policy = from_table(table)
    return replace(policy, profile=effective_profile(options, policy.profile))


def effective_profile(options: PolicyOptions, profile: Profile) -> Profile:
    """Return the header profile with the flags laid over it."""
    from scrub_pixels.header import PROFILES, read_assignments, read_recipe

    if options.profile is not None and options.profile not in PROFILES:
        raise UsageError("There is no profile of that name.", remedy=f"Choose one of: {', '.join(PROFILES)}.")
    profile = PROFILES[options.profile] if options.profile is not None else profile
    if options.recipe is not None:
        recipe = read_recipe(options.recipe, _variables(options.recipe_variable))
        profile = replace(profile, name=f"{profile.name} and a recipe", recipe=recipe)
    elif options.recipe_variable:
        raise UsageError("--recipe-variable is given without --recipe.", remedy="Give both, or neither.")
    if options.pseudonyms is None:
        return profile
    return replace(profile, pseudonyms=read_assignments(options.pseudonyms),
                   refuse_unassigned=options.unlisted_patients == "refuse")


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if not all(name and equals for name, equals, _ in pairs):
        raise UsageError("--recipe-variable is not NAME=VALUE.", remedy="Write NAME=VALUE.")
    return {name: value for name, _, value in pairs}


@policy_app.command
def show(*, policy: PolicyOptions = AS_IT_IS) -> None:
    """Print every effective setting as a policy file, ready for --policy."""
    from scrub_pixels.policy import to_toml

    print(to_toml(effective_policy(policy)), end="")
