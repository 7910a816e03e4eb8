"""Needles in binary data: what is dropped to search faster hides none of them."""

from __future__ import annotations

import random

import pytest

from scrub_pixels.header.needles import Needles

NAMES = frozenset({"featherstonehaugh", "o'malley", "ng"})
NEEDLES = Needles(NAMES, ("48-1029-77", "30481029775", "po\0le-1"))
HIDDEN = ("Featherstonehaugh", "FEATHERSTONEHAUGH", "O'Malley", "48-1029-77", "30481029775", "PO\0LE-1")


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("size", [0, 100, 4096, 4097, 60_000])
@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", HIDDEN)
def test_a_needle_is_found_wherever_it_stands_in_however_many_bytes(size, encoding, text):
    content = noise(size)
    for place in (0, size // 2, size):
        assert NEEDLES.in_bytes(content[:place] + text.encode(encoding) + content[place:])


@pytest.mark.parametrize("size", [100, 60_000])
def test_nothing_is_found_in_noise_or_in_the_letters_of_a_needle_apart(size):
    assert not NEEDLES.in_bytes(noise(size))
    apart = b"\xff".join(bytes([letter]) for letter in b"featherstonehaugh")
    assert not NEEDLES.in_bytes(noise(size) + apart + noise(size))


@pytest.mark.parametrize("size", [100, 60_000])
def test_short_numbers_count_only_outside_of_samples(size):
    needles = Needles(frozenset(), ("4810297", "30481029775"))
    content = noise(size) + b"4810297" + noise(size)
    assert needles.in_bytes(content) and not needles.in_bytes(content, samples=True)
    assert needles.in_bytes(noise(size) + b"30481029775", samples=True)


def test_without_needles_nothing_is_found():
    assert not Needles().in_bytes(noise(9000))
