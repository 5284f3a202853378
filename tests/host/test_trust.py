"""Which CA the board is given: from a file, or from the broker that this machine trusts."""

import socket

import pytest
from certificates import Authority
from tlsserver import tls_server

from ways_device import trust
from ways_device.errors import ToolError, UsageError


def test_file_may_be_pem_or_der(tmp_path):
    root = Authority()
    for name, data in (("ca.pem", root.pem), ("ca.der", root.der), ("b", b"text\n" + root.pem)):
        (tmp_path / name).write_bytes(data)
        assert trust.from_file(tmp_path / name) == root.der


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a certificate"),
        (Authority().pem + Authority().pem, "2 certificates; a board keeps one"),
        (Authority(days=-2).pem, "expired on"),
    ],
)
def test_file_that_is_no_ca_is_refused(tmp_path, data, said):
    path = tmp_path / "ca.pem"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=said):
        trust.from_file(path)


def test_missing_file_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the CA file .*No such file"):
        trust.from_file(tmp_path / "none")


def test_root_that_anchors_the_broker_is_taken(tmp_path, monkeypatch):
    root = Authority("Root")
    (tmp_path / "store.pem").write_bytes(Authority("Other").pem + root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
    middle = Authority("Middle", signer=root)
    with tls_server(*middle.server(tmp_path)) as server:
        assert trust.from_broker("localhost", server.port) == root.der


@pytest.mark.parametrize(
    ("name", "days", "store", "said"),
    [
        ("localhost", 1, "other", "not one this computer trusts"),
        ("elsewhere.test", 1, "own", "not one this computer trusts"),
        ("localhost", -2, "own", "expired"),
    ],
)
def test_broker_that_is_not_trusted_is_told(tmp_path, monkeypatch, name, days, store, said):
    root = Authority("Root")
    trusted = root if store == "own" else Authority("Other")
    (tmp_path / "store.pem").write_bytes(trusted.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
    with (
        tls_server(*root.server(tmp_path, name, days)) as server,
        pytest.raises(ToolError, match=rf"{said}.*--ca-file"),
    ):
        trust.from_broker("localhost", server.port)


def test_broker_out_of_reach_is_told():
    with socket.create_server(("localhost", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ToolError, match=rf"cannot ask localhost:{port} .*refused.*--ca-file"):
        trust.from_broker("localhost", port)
