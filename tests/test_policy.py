"""A policy is one value: printed, read back, changed by name, never silently misread."""

import pickle
from dataclasses import replace

import pytest
from test_run_campaign import plain, saved

from scrub_pixels import Policy
from scrub_pixels.errors import UsageError
from scrub_pixels.header import Profile, ProjectKey
from scrub_pixels.policy import from_table, load_policy, to_toml
from scrub_pixels.run.campaign import Campaign, run

CATALOGUE = """
[[layout]]
manufacturer = "ACME"
model = "Echo 5"
rows = 64
columns = 64

[[layout.region]]
row = 0
column = 0
rows = {rows}
columns = 64
role = "phi"
"""


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


def test_the_digest_of_a_run_is_about_what_device_catalogues_say_and_not_only_where_they_lie(tmp_path):
    file, key, other = tmp_path / "devices.toml", ProjectKey(b"k" * 32), ProjectKey(b"o" * 32)
    policy = from_table({"decisions": {"devices": [str(file)]}})
    file.write_text(CATALOGUE.format(rows=40))
    before = policy.digest_under(key)
    assert policy.digest_under(key) == before != policy.digest_under(other)
    file.write_text(CATALOGUE.format(rows=41))
    assert policy.digest_under(key) != before
    file.write_text(CATALOGUE.format(rows=40))
    assert policy.digest_under(key) == before
    file.unlink()
    with pytest.raises(UsageError, match="device catalogue cannot be read"):
        policy.digest_under(key)


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


def test_a_run_that_goes_on_does_again_what_another_catalogue_decided(tmp_path):
    file = tmp_path / "devices.toml"
    file.write_text(CATALOGUE.format(rows=40))
    saved(plain(), tmp_path / "in" / "a")
    policy = from_table({"header_only": True, "decisions": {"devices": [str(file)]}})
    campaign = Campaign(tmp_path / "in", tmp_path / "out", policy)
    run(campaign)
    again = replace(campaign, resume=True)
    assert run(again).skipped == 1
    file.write_text(CATALOGUE.format(rows=41))
    assert run(again).skipped == 0
    assert run(again).skipped == 1
