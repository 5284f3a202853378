"""How long the chip stands still: the longest gap of a 10 ms ticker while it does something."""

import base64
import time

import pytest

from ways_device import sandboxinfo

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(180)]

ERASE_MS = 200
SCAN_MS = 3000
TLS_MS = 3000


def test_a_flush_to_flash_stalls_for_one_erase(held, results):
    """Only real flash takes its time to erase, with both cores kept from their code."""
    (found,) = held.ask("flash", {"blocks": 16}, silent_s=70)
    assert found["ticks"] >= 16, "the ticker hardly ran"
    results.judge("stall of a flush", found["longest_ms"], "ms", at_most=ERASE_MS)


def test_a_scan_stalls_no_longer_than_said(held, results):
    """Only a real radio takes its time on each channel; MicroPython waits for it in C."""
    (found,) = held.ask("scan", silent_s=40)
    results.told("networks in a scan", found["networks"])
    results.judge("stall of a scan", found["longest_ms"], "ms", at_most=SCAN_MS)


def test_a_tls_handshake_stalls_no_longer_than_said(held, sandbox_info, network, results):
    """Only the chip's own arithmetic tells how long elliptic curves hold its thread up."""
    info = sandboxinfo.load(sandbox_info)
    pem = info.ca_file.read_text()
    (found,) = held.ask(
        "tls",
        {
            "ssid": network.ssid,
            "password": network.password,
            "host": info.mqtt_host,
            "port": info.mqtt_tls_port,
            "ca": base64.b64encode(der_of(pem)).decode(),
            "now_s": int(time.time()),
        },
        silent_s=90,
    )
    assert "error" not in found, found["error"]
    assert found["answered"], "the broker gave no answer over TLS"
    results.told("TLS handshake and answer", found["whole_ms"], "ms")
    results.judge("stall of a TLS handshake", found["longest_ms"], "ms", at_most=TLS_MS)


def der_of(pem):
    lines = pem.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
    return base64.b64decode(lines)
