"""The config of a notification channel: what each type takes, and how it is read.

The reference shows one shape, webhook {url}. All else here is assumed: the likeliest spellings
are taken, and what is not known is kept and shown but has no effect.

    webhook  url; secret (then it is signed, see transports.py)
    email    to (one address, several with commas, or a list); smtp_host, smtp_port, smtp_user,
             smtp_password, from, security (starttls, tls, none)
    slack    url, of an incoming webhook
    teams    url, of a workflow or an incoming webhook
    sms      to (a number in the form +4791234567, or several); url and token of an HTTP gateway,
             from

A webhook may go to http and https. What carries a secret in its URL or body (slack, teams, sms)
goes to https only, or to this machine. A mail server elsewhere gets a password over TLS only.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Annotated, Any, Literal

import httpx
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from ways_device.sandbox.wire import Json

ChannelType = Literal["email", "webhook", "slack", "teams", "sms"]
Security = Literal["starttls", "tls", "none"]

_TARGETS_MAX = 50
_PORT_MAX = 65535
# Mail that is wrapped in TLS from the first byte.
_TLS_PORT = 465
_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_url(text: str) -> str:
    """Return text if it is an http or https URL with a host. Raises ValueError."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as exc:
        raise ValueError("is no URL") from exc
    if _UNPRINTABLE.search(text):
        raise ValueError("is no URL")
    if not 0 < (url.port or 1) <= _PORT_MAX:
        raise ValueError("is no URL")
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("must be an http or https URL")
    return text


def _check_private_url(text: str) -> str:
    url = httpx.URL(check_url(text))
    if url.scheme != "https" and not is_loopback(url.host):
        raise ValueError("must be https: it carries a secret")
    return text


def _listed(value: Any) -> Any:
    """Take one target, several in one text, or a list of them."""
    if isinstance(value, str):
        return [part.strip() for part in re.split("[,;]", value) if part.strip()]
    return value


def _check_address(address: str) -> str:
    # The rule of the library that sends it: what it drops there would get lost in silence.
    from apprise.utils import parse as library

    is_email: Callable[[str], Any] = library.is_email
    if _UNPRINTABLE.search(address) or not is_email(address):
        raise ValueError("is no e-mail address")
    return address


def _check_number(number: str) -> str:
    number = re.sub(r"[ ()./-]", "", number)
    if not _NUMBER.fullmatch(number):
        raise ValueError("is no phone number in the form +4791234567")
    return number


def _check_host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", host):
        raise ValueError("is no host name")
    return host


def _names(*names: str) -> Any:
    """Return a required field that goes by any of names; errors name the first."""
    return Field(validation_alias=AliasChoices(*names))


def _also(*names: str) -> Any:
    """Return an optional field that goes by any of names."""
    return Field(None, validation_alias=AliasChoices(*names))


_Text = Annotated[str, Field(min_length=1, max_length=2048)]
_Url = Annotated[_Text, AfterValidator(check_url)]
_PrivateUrl = Annotated[_Text, AfterValidator(_check_private_url)]
_Address = Annotated[_Text, AfterValidator(_check_address)]
_Many = Field(min_length=1, max_length=_TARGETS_MAX)
_Addresses = Annotated[list[_Address], _Many, BeforeValidator(_listed)]
_Number = Annotated[_Text, AfterValidator(_check_number)]
_Numbers = Annotated[list[_Number], _Many, BeforeValidator(_listed)]
_Token = Annotated[_Text, Field(pattern=r"^[\x21-\x7e]+$")]


class WebhookConfig(BaseModel):
    url: _Url = _names("url", "webhook_url", "endpoint")
    secret: _Text | None = _also("secret", "signing_secret", "webhook_secret")


class ChatConfig(BaseModel):
    """Slack and Teams: the URL is the secret."""

    url: _PrivateUrl = _names("webhook_url", "url", "workflow_url")


class SmsConfig(BaseModel):
    to: _Numbers = _names("to", "phone_number", "phone_numbers", "recipients", "numbers", "phone")
    url: _PrivateUrl | None = _also("url", "gateway_url")
    token: _Token | None = _also("token", "api_key", "gateway_token")
    sender: _Text | None = _also("from", "sender", "from_number")


_Host = Annotated[_Text, AfterValidator(_check_host)]
_Port = Annotated[int, Field(ge=1, le=_PORT_MAX)]


class SmtpServer(BaseModel):
    """Where mail is handed over. Without a word on security: STARTTLS, but TLS on port 465."""

    host: _Host
    port: _Port | None = None
    user: _Text | None = None
    password: _Text | None = None
    sender: _Address | None = None
    security: Security | None = None

    @property
    def mode(self) -> Security:
        if self.security is not None:
            return self.security
        if self.port == _TLS_PORT:
            return "tls"
        return "none" if is_loopback(self.host) else "starttls"

    @property
    def is_leaky(self) -> bool:
        """True if the password would go through a network in clear."""
        return bool(self.password) and self.mode == "none" and not is_loopback(self.host)


class EmailConfig(BaseModel):
    to: _Addresses = _names("to", "recipients", "emails", "email", "addresses", "address")
    host: _Host | None = _also("smtp_host", "host", "smtp_server", "server")
    port: _Port | None = _also("smtp_port", "port")
    user: _Text | None = _also("smtp_user", "user", "username", "smtp_username")
    password: _Text | None = _also("smtp_password", "password")
    sender: _Address | None = _also("from", "from_address", "from_email", "sender")
    security: Security | None = _also("security", "smtp_security", "encryption")

    @model_validator(mode="after")
    def _check_server(self) -> "EmailConfig":
        server = self.server()
        if server is None and (self.port or self.user or self.password):
            raise ValueError("smtp_host is needed with smtp_port, smtp_user and smtp_password")
        if server is not None and server.is_leaky:
            raise ValueError("security none would send smtp_password in clear")
        return self

    def server(self) -> SmtpServer | None:
        """Return the mail server that the channel brings along, None if it has none."""
        given = self.model_dump(exclude={"to"})
        return SmtpServer(**given) if self.host is not None else None


_TYPES: dict[str, type[BaseModel]] = {
    "email": EmailConfig,
    "webhook": WebhookConfig,
    "slack": ChatConfig,
    "teams": ChatConfig,
    "sms": SmsConfig,
}


def parse(channel_type: str, config: Json) -> Any:
    """Return config as the model of its type. Raises ValidationError."""
    return _TYPES[channel_type].model_validate(config)


def problems(channel_type: str, config: Json) -> list[Json]:
    """Return what is wrong with config, as parts of an answer 422; an empty list if nothing."""
    try:
        parse(channel_type, config)
    except ValidationError as exc:
        return [
            {
                **{key: error[key] for key in ("msg", "type")},
                "loc": ("body", "config", *_of(error)),
            }
            for error in exc.errors(include_url=False)
        ]
    return []


def _of(error: Any) -> tuple[int | str, ...]:
    place: tuple[int | str, ...] = error["loc"]
    return place
