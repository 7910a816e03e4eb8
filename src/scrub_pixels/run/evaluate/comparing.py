"""Find the output of each labelled image, and judge it: by the ledger, or by the same path below OUT."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scrub_pixels.errors import Refusal, UsageError
from scrub_pixels.frames import open_instance
from scrub_pixels.run.evaluate.figures import Evaluated
from scrub_pixels.run.evaluate.judging import judge
from scrub_pixels.run.evaluate.truth import Labelled
from scrub_pixels.store.accounts import Outcome
from scrub_pixels.store.ledger import Row, open_ledger
from scrub_pixels.store.workspace import open_workspace


def accounts_of(workspace: Path, out: Path) -> Mapping[str, Row]:
    """Return the ledger's rows of a run by relative input path, members of archives left out.

    A duplicate has the output of the input that it is a copy of.

    Raises
    ------
    WorkspaceError
        If the folder is no workspace, or OUT was never served by it.
    """
    with open_ledger(open_workspace(workspace, create=False).ledger_file, out) as ledger:
        rows = list(ledger.rows())
    outputs = {row.facts.get("sha256"): row.output for row in rows if row.output}
    return {row.relative: replace(row, output=row.output or outputs.get(row.facts.get("sha256"), ""))
            for row in rows if row.member is None}


def evaluate(
    source: Path, out: Path, truths: Sequence[Labelled], accounts: Mapping[str, Row] | None
) -> Iterator[Evaluated]:
    """Judge every image of a truth.

    Parameters
    ----------
    source, out
        The folder with the originals, and that with what was released.
    truths
        What is known about them.
    accounts
        The ledger's rows by relative path; None for the output of another tool, which is looked for
        at the same path below `out`.

    Raises
    ------
    UsageError
        If none of the originals is there: the truth belongs to another folder.
    """
    if truths and not any((source / truth.file).is_file() for truth in truths):
        raise UsageError("None of the files that the truth names is in IN.", remedy="Check IN and the truth.")
    for truth in truths:
        if accounts is None:
            yield _of_another_tool(source, out, truth)
        else:
            yield _by_ledger(source, out, truth, accounts.get(truth.file))


def _by_ledger(source: Path, out: Path, truth: Labelled, row: Row | None) -> Evaluated:
    if row is None or row.outcome is None:
        return Evaluated(truth, "missing", "the ledger has no account of it")
    if row.outcome is not Outcome.RELEASED:
        return Evaluated(truth, row.outcome.value, "; ".join(row.reasons) or row.message)
    return _judged(source / truth.file, out / row.output, truth)


def _of_another_tool(source: Path, out: Path, truth: Labelled) -> Evaluated:
    file = out / truth.file
    if not file.is_file():
        return Evaluated(truth, "missing", "there is no file of that path in OUT")
    return _judged(source / truth.file, file, truth)


def _judged(before: Path, after: Path, truth: Labelled) -> Evaluated:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote values
            original, result = open_instance(before), open_instance(after)
            image = judge(truth, original, result)
            return Evaluated(truth, "released", "", original.transfer_syntax.name, image)
    except Refusal as error:
        return Evaluated(truth, "unreadable", error.message)
