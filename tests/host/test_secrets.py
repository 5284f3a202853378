"""Where the API key comes from, and what never reaches a screen."""

import pytest

from ways_device import secrets
from ways_device.errors import UsageError

ORIGIN = "https://api.test"


def test_key_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "key"
    path.write_text("wayscloud_iot_x\n")
    path.chmod(0o640)
    with pytest.raises(UsageError, match=f"chmod 600 {path}"):
        secrets.api_key(ORIGIN, path, {})
    path.chmod(0o600)
    assert secrets.api_key(ORIGIN, path, {}) == "wayscloud_iot_x"


def test_key_file_goes_before_the_environment(tmp_path):
    path = tmp_path / "key"
    path.write_text("from-file")
    path.chmod(0o600)
    environ = {secrets.KEY_VARIABLE: " from-environment \n"}
    assert secrets.api_key(ORIGIN, path, environ) == "from-file"
    assert secrets.api_key(ORIGIN, None, environ) == "from-environment"


@pytest.mark.parametrize("text", ["two words", "", "\n", "schl\u00fcssel", "a\x1bb"])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path, text):
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="not an API key") as caught:
        secrets.api_key(ORIGIN, path, {})
    assert "words" not in str(caught.value).replace("one word of", "")


def test_missing_key_tells_both_ways_to_give_it(monkeypatch):
    monkeypatch.setattr(secrets, "_key_from_keyring", lambda origin: None)
    with pytest.raises(UsageError, match=r"--api-key-file FILE .* WAYSCLOUD_API_KEY"):
        secrets.api_key(ORIGIN, None, {})


def test_keyring_is_asked_per_origin(monkeypatch):
    import keyring

    asked = []
    monkeypatch.setattr(keyring, "get_password", lambda *words: asked.append(words) or "k")
    assert secrets.api_key(ORIGIN, None, {}) == "k"
    assert asked == [("ways-device", ORIGIN)]


def test_keyring_that_fails_is_no_key(monkeypatch):
    import keyring

    def fail(*words):
        raise RuntimeError("locked")

    monkeypatch.setattr(keyring, "get_password", fail)
    with pytest.raises(UsageError, match="no API key"):
        secrets.api_key(ORIGIN, None, {})


def test_redaction():
    text = "key wayscloud_iot_ab_CD9 in \x1b[31mred\x1b[0m\x07"
    assert secrets.redact(text) == "key wayscloud_*** in red"


def test_folder_that_was_open_is_closed(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    assert secrets.private_folder(folder).stat().st_mode & 0o777 == 0o700
