"""The libraries of the extra [catalog], imported when they are needed, or named when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from scrub_pixels.errors import MissingDependency


def _library(name: str, package: str, extra: str = "catalog") -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingDependency(f"The package {package} is not installed.",
                                remedy=f"pip install 'scrub-pixels[{extra}]'") from None


def arrow() -> ModuleType:
    """Return `pyarrow`.

    Raises
    ------
    MissingDependency
        If it is not installed.
    """
    return _library("pyarrow", "pyarrow")


def parquet() -> ModuleType:
    """Return `pyarrow.parquet`; see `arrow`."""
    return _library("pyarrow.parquet", "pyarrow")


def dataset() -> ModuleType:
    """Return `pyarrow.dataset`; see `arrow`."""
    return _library("pyarrow.dataset", "pyarrow")


def duckdb() -> ModuleType:
    """Return `duckdb`; see `arrow`."""
    return _library("duckdb", "duckdb")


def nibabel() -> ModuleType:
    """Return `nibabel`, of the extra [export]."""
    return _library("nibabel", "nibabel", "export")


def record_batches(relation: Any, rows: int) -> Any:
    """Return a DuckDB relation as Arrow record batches, under the name its version has for that."""
    return relation.to_arrow_reader(rows) if hasattr(relation, "to_arrow_reader") \
        else relation.fetch_arrow_reader(rows)
