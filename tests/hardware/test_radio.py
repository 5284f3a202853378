"""The radio: what its driver takes, how long joins last, and what a refusal looks like."""

from statistics import median

import pytest

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(600)]

JOIN_MS = 15_000
# What the agent takes for a wrong password: the handshake that fails, or the driver's own word.
WRONG_PASSWORD = (15, 202, 204, 205)


@pytest.fixture(scope="module")
def told(bench, network, is_short):
    """The answers of one visit to the access point: settings, joins, refusal."""
    rounds = 2 if is_short else 5
    args = {"ssid": network.ssid, "password": network.password, "rounds": rounds}
    return bench.ask("radio", args, silent_s=rounds * 60)


def test_country_hostname_and_power_save_are_taken(told):
    """Only the driver in the image tells which settings it takes and reads back."""
    settings = told[0]
    assert (settings["country"], settings["hostname"]) == ("DE", "hardware-check")
    assert settings["read_back"] == settings["modes"]


def test_it_joins_and_hears_the_access_point(told, results):
    """Only a radio has a signal, and an access point that answers when it likes."""
    joins = told[1]
    assert None not in joins["full_ms"], "a join failed; is the network in reach?"
    results.judge("join by name", median(joins["full_ms"]), "ms", at_most=JOIN_MS)
    results.judge("signal", joins["rssi_dbm"], "dBm", at_least=-90, at_most=-10)


def test_a_join_by_what_is_known_is_faster(told, results):
    """Only a real scan and a real DHCP server take the time that a sleeper wants to save."""
    joins = told[1]
    assert joins["seen"], "a scan does not show the network: is it hidden?"
    assert joins["fast_ms"] and None not in joins["fast_ms"], joins
    full = median(joins["full_ms"])
    results.judge("join by access point, known address", median(joins["fast_ms"]), "ms", full - 1)


def test_a_refusal_has_its_reason_and_the_next_join_works(told, results, network):
    """Only a real access point refuses a password in its own way; the driver numbers it."""
    if not network.password:
        pytest.skip("the Wi-Fi file names an open network, which refuses no password")
    refusal = told[2]
    assert not refusal["let_in"], "it was let in with a wrong password"
    results.told("status after a wrong password", refusal["reason"])
    assert refusal["reason"] in WRONG_PASSWORD
    results.judge("join after a refusal", refusal["again_ms"], "ms", at_most=JOIN_MS)
