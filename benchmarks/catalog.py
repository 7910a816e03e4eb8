"""What a catalog costs: ``python -m benchmarks.catalog [--files 20000] [--rows 10000000]``.

Makes small CT files in a temporary folder and measures, in CPU-seconds of one process and with the
files in the page cache: pydicom's ``dcmread(stop_before_pixels, specific_tags)`` alone, the whole
catalog, a second scan of the unchanged tree, and the peak memory of a scan. Then a synthetic catalog
of many rows, and how long a cohort query over it takes by the clock.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from scrub_pixels.catalog import load_columns
from scrub_pixels.catalog.formats import ROWS_A_GROUP, About, open_catalog, schema_of
from scrub_pixels.catalog.libraries import record_batches
from scrub_pixels.catalog.query import Question, Sample, ask
from scrub_pixels.catalog.scan import Order, about_now, make_catalog

FILES_A_FOLDER = 200
ROWS_A_TABLE = 500_000


def spent(work: Callable[[], object]) -> tuple[float, float, object]:
    """CPU-seconds of this process, seconds by the clock, and the result."""
    cpu, clock = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - cpu, time.perf_counter() - clock, result


def make_files(root: Path, count: int) -> None:
    """Write copies of a small CT with UIDs and numbers of their own, a few hundred to a folder."""
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm", download=False)))
    uid = str(generate_uid())[:50].rstrip(".")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}.00000000"
    path = root / "first.dcm"
    dataset.save_as(path)
    data = path.read_bytes()
    path.unlink()
    for number in range(count):
        folder = root / f"{number // FILES_A_FOLDER:05}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number:08}.dcm").write_bytes(data.replace(b".00000000", b".%08d" % number))


def read_with_pydicom(root: Path) -> int:
    """Read what a catalog reads, with pydicom alone."""
    tags = [tag for tag in load_columns().tags if tag >> 16 != 2]
    count = 0
    for path in root.rglob("*.dcm"):
        pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
        count += 1
    return count


def scans(count: int) -> None:
    """Print what scans of a generated tree cost."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "in"
        root.mkdir()
        make_files(root, count)
        spent(lambda: [path.read_bytes() for path in root.rglob("*.dcm")])
        peer, _, _ = spent(lambda: read_with_pydicom(root))
        order = Order(root, Path(folder) / "c.parquet")
        first, clock, _ = spent(lambda: make_catalog(order))
        again, again_clock, made = spent(lambda: make_catalog(order))
        assert made.read == 0 and made.rows == count
        print(f"{count} files; pydicom alone {1e6 * peer / count:.0f} CPU-us a file")
        print(f"first scan, one process: {1e6 * first / count:.0f} CPU-us a file, "
              f"{peer / first:.2f} x the speed of pydicom alone; {count / clock:.0f} files/s")
        print(f"second scan, nothing changed: {1e6 * again / count:.1f} CPU-us a file, "
              f"{100 * again / first:.1f} % of the first; {100 * again_clock / clock:.1f} % by the clock")
        parallel = Order(root, Path(folder) / "p.parquet", jobs=2)
        _, clock, _ = spent(lambda: make_catalog(parallel))
        print(f"first scan, two processes, start of Python included: {count / clock:.0f} files/s")
        for part in (count // 4, count):
            peak = _peak(root, Path(folder) / f"m{part}.parquet", part)
            print(f"peak memory, {part} files: {peak:.0f} MiB")


def _peak(root: Path, target: Path, count: int) -> float:
    """Scan the first files of a tree in a process of its own, and return its peak memory in MiB."""
    some = target.with_suffix(".in")
    some.mkdir()
    for folder in sorted(root.iterdir())[: max(1, count // FILES_A_FOLDER)]:
        (some / folder.name).symlink_to(folder)
    command = [sys.executable, "-m", "benchmarks.catalog", "--scan", str(some), str(target)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def scan_only(root: Path, target: Path) -> None:
    """Scan and print the peak memory of this process in MiB."""
    make_catalog(Order(root, target))
    # Not `ru_maxrss`: that counts the process this one was forked from.
    status = Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")))


def queries(count: int) -> None:
    """Print how long questions to a synthetic catalog take."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "big.parquet"
        make_rows(target, count)
        print(f"synthetic catalog: {count} rows, {target.stat().st_size / 2**20:.0f} MiB")
        where = "modality = 'US' AND rows >= 480 AND study_date >= DATE '2020-01-01'"
        with ask(open_catalog(target)) as asked:
            for name, what in (("instances of a cohort", "*"), ("patients of it", "DISTINCT patient_id")):
                statement = f"SELECT count({what}) AS n FROM catalog WHERE {where}"
                _, clock, rows = spent(lambda statement=statement: asked.rows(statement))
                print(f"{name}: {clock:.2f} s ({rows[0]['n']})")
            cohort, drawn = Question(where), Question(where, sample=Sample(1000))
            for name, ask_for, question in (("its paths, for a run", asked.paths, cohort),
                                            ("its members, to be saved", asked.chosen, cohort),
                                            ("paths of a sample of 1000 of it", asked.paths, drawn)):
                cpu, clock, found = spent(lambda f=ask_for, q=question: sum(1 for _ in f(q)))
                print(f"{name}: {clock:.2f} s, {cpu:.2f} CPU-s ({found})")


INVENTED = {
    "path": "printf('s%07d/%09d.dcm', n // 60, n)", "sop_instance_uid": "'1.2.3.' || n",
    "content_digest": "md5(n::VARCHAR)", "series_instance_uid": "'1.2.4.' || (n // 60)",
    "study_instance_uid": "'1.2.5.' || (n // 240)", "patient_id": "'P' || (n // 480)",
    "modality": "['CT', 'MR', 'US', 'CR', 'PT', 'SC'][kind + 1]",
    "rows": "[512, 256, 600, 2048, 128, 480][kind + 1]", "instance_number": "n % 60",
    "study_date": "DATE '2000-01-01' + ((n // 480 * 7919) % 9000)::INTEGER",
    "size_bytes": "10000 + n % 490000", "kvp": "80 + 20 * (n % 3)",
    "modified_ns": "n", "manufacturer": "['ACME', 'Initech', 'Hooli'][kind % 3 + 1]",
}
"""Columns of invented rows as SQL over ``n`` and ``kind``: series by series, as an archive has them."""


def make_rows(target: Path, count: int) -> None:
    """Write a catalog of invented rows."""
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    about: About = about_now(Order(target.parent, target))
    schema = schema_of(load_columns()).with_metadata({b"scrub_pixels_catalog": about.packed()})
    listed = ", ".join(f'{INVENTED.get(name, "NULL")} AS "{name}"' for name in schema.names)
    numbers = f"SELECT range AS n, (range // 60 * 2654435761 % 97) % 6 AS kind FROM range({int(count)})"
    relation = duckdb.connect(":memory:").sql(f"SELECT {listed} FROM ({numbers})")
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in record_batches(relation, ROWS_A_TABLE):
            writer.write_table(pa.Table.from_batches([batch]).cast(schema), row_group_size=ROWS_A_GROUP)


def main() -> None:
    """Run what was asked for; by default everything."""
    parser = argparse.ArgumentParser(description="What a catalog costs.")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--scan", nargs=2, type=Path, help="only scan FOLDER to FILE, and print peak memory")
    options = parser.parse_args()
    if options.scan:
        scan_only(*options.scan)
        return
    if options.files:
        scans(options.files)
    if options.rows:
        queries(options.rows)


if __name__ == "__main__":
    main()
