"""A policy is one value: printed, read back, changed by name, never silently misread."""

import pickle

import pytest

from scrub_pixels import Policy
from scrub_pixels.errors import UsageError
from scrub_pixels.header import Profile
from scrub_pixels.policy import from_table, load_policy, to_toml


def test_what_is_printed_reads_back_as_the_same_policy(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text(to_toml(Policy()))
    assert load_policy(file) == Policy()
    assert load_policy(file).digest == Policy().digest


def test_only_what_differs_has_to_be_written():
    policy = from_table({"decisions": {"on_uncertain": "mask"}})
    assert policy.decisions.on_uncertain.value == "mask"
    assert policy.search == Policy().search
    assert policy.digest != Policy().digest


@pytest.mark.parametrize(
    "table",
    [
        {"raeder": "rapidocr"},
        {"reader": "tesseract"},
        {"reader": 3},
        {"decisions": {"on_uncertain": "shrug"}},
        {"decisions": {"min_confidence": 7.0}},
        {"decisions": {"unheard_of": 1}},
        {"search": {"vertical": "yes"}},
        {"profile": {"options": ["retain-everything"]}},
        {"seconds_per_instance": 0},
        {"seconds_per_instance": float("nan")},
        {"seconds_per_instance": float("inf")},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_an_error(table):
    with pytest.raises(UsageError):
        from_table(table)


@pytest.mark.parametrize("content", [b"reader = ", b"\xff\xfe\x00"])
def test_a_file_that_is_not_toml_is_an_error(tmp_path, content):
    (tmp_path / "policy.toml").write_bytes(content)
    with pytest.raises(UsageError):
        load_policy(tmp_path / "policy.toml")


def test_a_policy_travels_to_workers_and_is_a_key():
    assert pickle.loads(pickle.dumps(Policy())) == Policy()
    assert len({Policy(), Policy()}) == 1


def test_pseudonyms_of_patients_are_never_printed():
    policy = Policy(profile=Profile(pseudonyms={"MRN0815": "A1"}))
    assert "MRN0815" not in to_toml(policy) + repr(policy)
