"""No device reaches another: all pairs of a few. The proof has all of fifty."""

from acl_matrix import CARELESS, breaches
from sandbox_rig import running

DEVICES = 6


def test_no_device_reaches_another(tmp_path):
    with running(tmp_path) as sandbox:
        tried, found = breaches(sandbox, DEVICES)
    assert (tried, found) == (3 * DEVICES * DEVICES, [])


def test_a_sandbox_that_lets_them_is_found_out(tmp_path):
    with running(tmp_path, command=CARELESS) as sandbox:
        found = breaches(sandbox, DEVICES)[1]
    for sign in ("m0 read devices/m1/events", "m0 wrote an event of m1", "m0 was sent"):
        assert [line for line in found if line.startswith(sign)], sign
