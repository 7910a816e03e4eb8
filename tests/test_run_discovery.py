"""Every directory entry becomes exactly one Source, whatever it is."""

import os
import zipfile

import pytest

from scrub_pixels.errors import NotDicom, Refusal, TooLarge, UnreadableFile
from scrub_pixels.run.discovery import discover

LIMIT = 1 << 20


def names(root):
    return sorted(source.relative for source in discover(root))


def test_files_of_any_name_are_found(tmp_path):
    for name in ("a.dcm", "b", "sub/IM0001", "sub/deep/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == ["a.dcm", "b", "sub/IM0001", "sub/deep/.hidden"]


def test_one_file_is_its_own_tree(tmp_path):
    (tmp_path / "one").write_bytes(b"x")
    assert names(tmp_path / "one") == ["one"]


def test_loops_of_symbolic_links_end(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"x")
    (tmp_path / "sub" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "again").symlink_to(tmp_path / "sub", target_is_directory=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert sorted(os.path.basename(n) for n in names(tmp_path)) == ["dangling", "file"]


def test_the_members_of_an_archive_are_sources(tmp_path):
    with zipfile.ZipFile(tmp_path / "study.bin", "w") as archive:
        archive.writestr("series/a", b"first")
        archive.writestr("series/", b"")
        archive.writestr("../../escape", b"second")
    sources = list(discover(tmp_path))
    assert [s.read(LIMIT) for s in sources] == [b"first", b"second"]
    assert sources[0].relative == "study.bin/series/a"


def test_a_damaged_archive_is_one_source(tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and nothing else")
    assert names(tmp_path) == ["broken.zip"]


def test_a_damaged_member_is_unreadable(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a", b"0123456789" * 50)
    data = bytearray((tmp_path / "z.zip").read_bytes())
    data[60] ^= 255
    (tmp_path / "z.zip").write_bytes(data)
    with pytest.raises(UnreadableFile):
        next(discover(tmp_path)).read(LIMIT)


def test_an_archive_in_an_archive_is_refused_with_a_reason(tmp_path):
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as archive:
        archive.writestr("a", b"x")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "inner.zip", "inner.zip")
    (tmp_path / "inner.zip").unlink()
    with pytest.raises(Refusal, match="archive inside"):
        next(discover(tmp_path)).read(LIMIT)


def test_a_bomb_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(LIMIT * 4))
    with pytest.raises(TooLarge):
        next(discover(tmp_path)).read(LIMIT)


def test_a_pipe_is_counted_and_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotDicom):
        next(discover(tmp_path)).read(LIMIT)


def test_what_vanished_is_unreadable(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    source = next(discover(tmp_path))
    (tmp_path / "a").unlink()
    with pytest.raises(UnreadableFile):
        source.read(LIMIT)


def test_a_source_does_not_show_its_name(tmp_path):
    (tmp_path / "DOE_JOHN").write_bytes(b"x")
    assert "DOE" not in repr(next(discover(tmp_path)))


def test_a_dicom_file_with_a_zip_inside_is_the_dicom_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("a", b"x")
    packed = (tmp_path / "z").read_bytes()
    (tmp_path / "z").write_bytes(b"PK\x03\x04".ljust(128, b"\0") + b"DICM" + packed)
    assert names(tmp_path) == ["z"]
