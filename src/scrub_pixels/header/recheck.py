"""Look again, with a released data set and its original side by side: is an identifier left?"""

from __future__ import annotations

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from scrub_pixels.decisions.identity import Identity, harvest
from scrub_pixels.header.actions import Scene, Subject, Tally, named
from scrub_pixels.header.iod_types import types_of
from scrub_pixels.header.keys import ProjectKey
from scrub_pixels.header.needles import Needles, needles_of
from scrub_pixels.header.options import Profile
from scrub_pixels.header.reading import ODD_DATA
from scrub_pixels.header.recipe_match import keeps
from scrub_pixels.header.scan import survivors
from scrub_pixels.header.table import code_for


def secrets_of(
    original: Dataset, profile: Profile, key: ProjectKey | None = None
) -> tuple[Identity, Needles]:
    """Return what identifies in an original, and the needles of what `profile` does not keep.

    Parameters
    ----------
    original
        As it was opened.
    profile
        Under which it was released.
    key
        Of the run; without it a pseudonym met again in the input counts as an identifier.
    """
    identity = harvest(original)
    kept = frozenset(i.keyword for i in identity if _is_kept(i.keyword, profile))
    own = {i.value for i in identity if key and (key.made_pseudonym(i.value) or key.made_uid(i.value))}
    return identity, needles_of(identity, kept, own)


def identifiers_left(
    released: Dataset, needles: Needles, profile: Profile, pseudonym: str
) -> tuple[str, ...]:
    """Return tag and keyword of every element that holds a needle, file meta included.

    Parameters
    ----------
    released
        As read from the output folder.
    needles
        What must not stand in it.
    profile
        Under which it was released.
    pseudonym
        The new Patient ID: the one value that may stand wherever it does.
    """
    subject = Subject(pseudonym, 0)
    scene = Scene(profile, ProjectKey.generate(), subject, types_of(""), needles, Tally())
    levels = [released, getattr(released, "file_meta", Dataset())]
    try:
        found = [tag for level in levels for tag in survivors(level, scene)]
    except ODD_DATA:
        return ("an element that cannot be read",)
    return tuple(dict.fromkeys(named(tag) for tag in found))


def _is_kept(keyword: str, profile: Profile) -> bool:
    tag = tag_for_keyword(keyword)
    if tag is None:
        return False
    by_recipe = profile.recipe is not None and keeps(tag, profile.recipe)
    return by_recipe or code_for(tag, profile.options) == "K"
