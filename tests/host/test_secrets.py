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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J\x1b]0;title\x07a\x9b31mb\x00", "]0;titlea31mb"),
        ("a\rb\x08c\x7f", "abc"),
        ("left \u202eright\u2066\u200f", "left right"),
        ("half \ud83d", "half "),
        ("line\ttab\nnext", "line\ttab\nnext"),
        ("grüße 温度 😀", "grüße 温度 😀"),
    ],
)
def test_what_steers_a_terminal_is_not_passed_on(text, expected):
    assert secrets.redact(text) == expected


def test_secrets_in_use_are_taken_out_wherever_they_come_from(monkeypatch):
    monkeypatch.setattr(secrets, "_hidden", set())
    secrets.hide("mqtt-password")
    secrets.hide("mqtt-password-2")
    secrets.hide("short")
    told = secrets.redact("it said mqtt-\x1b[0mpassword, mqtt-password-2, short")
    assert told == "it said ***, ***, short"


def test_key_of_any_form_is_hidden_once_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, "_hidden", set())
    path = tmp_path / "key"
    path.write_text("no-known-form+0")
    path.chmod(0o600)
    secrets.api_key(ORIGIN, path, {})
    assert secrets.one_line("invalid key no-known-form+0") == "invalid key ***"


def test_programs_that_are_started_do_not_get_the_key(monkeypatch):
    monkeypatch.setenv(secrets.KEY_VARIABLE, "canary-key")
    monkeypatch.setenv("WAYSCLOUD_TOKEN", "canary-token")
    monkeypatch.setenv("PATH", "/bin")
    environ = secrets.child_environ(EXTRA="1")
    assert environ["PATH"] == "/bin"
    assert environ["EXTRA"] == "1"
    assert not [value for value in environ.values() if "canary" in value]


def test_key_is_taken_out_of_the_environment_and_still_found(monkeypatch):
    monkeypatch.setenv(secrets.KEY_VARIABLE, " canary-key\n")
    monkeypatch.setattr(secrets, "_taken", [""])
    secrets.take_key()
    assert secrets.KEY_VARIABLE not in secrets.os.environ
    assert secrets.api_key(ORIGIN, None) == "canary-key"
