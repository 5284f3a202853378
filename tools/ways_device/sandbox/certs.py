"""A certificate authority of the sandbox's own, and its broker's certificate (P-256)."""

import ssl
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ways_device.errors import ToolError
from ways_device.sandbox.files import write_private

_DAY = timedelta(days=1)
_CA_LIFE = 3650 * _DAY
_SERVER_LIFE = 800 * _DAY
_RENEW_BEFORE = 30 * _DAY


class Certs:
    """The files of one state folder; whatever is there and still good is kept."""

    def __init__(self, folder: Path, addresses: list[str]) -> None:
        """Make what is missing. addresses are the names and IPs the broker is reached by.

        Raises ToolError if the files there cannot be used.
        """
        self.ca_file = folder / "ca.pem"
        self.cert_file = folder / "server.pem"
        self.key_file = folder / "server.key"
        self._ca_key_file = folder / "ca.key"
        names = [_name(address) for address in addresses]
        try:
            if not (self.ca_file.exists() and self._ca_key_file.exists()):
                self._make_ca()
            if not self._is_good(names):
                self._make_server(names)
        except (OSError, ValueError, TypeError) as exc:
            raise ToolError(
                f"the certificates in {folder} cannot be used ({exc}):"
                " remove *.pem and *.key there"
            ) from exc

    def client_context(self) -> ssl.SSLContext:
        """Return what a client needs to verify this broker."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _is_good(self, names: list[x509.GeneralName]) -> bool:
        if not (self.cert_file.exists() and self.key_file.exists()):
            return False
        ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        cert = x509.load_pem_x509_certificate(self.cert_file.read_bytes())
        has = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        is_ours = cert.issuer == ca.subject
        lasts = cert.not_valid_after_utc - _RENEW_BEFORE > datetime.now(timezone.utc)
        return is_ours and lasts and set(has) == set(names)

    def _make_ca(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        # The serial in the name: two sandboxes' authorities must not be taken for each other.
        serial = x509.random_serial_number()
        name = _subject(f"ways-device sandbox CA {serial:x}"[:40])
        builder = (
            _builder(name, name, key.public_key(), serial, _CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
        )
        write_private(self._ca_key_file, _key_pem(key))
        write_private(self.ca_file, builder.sign(key, hashes.SHA256()).public_bytes(_PEM))
        self.cert_file.unlink(missing_ok=True)

    def _make_server(self, names: list[x509.GeneralName]) -> None:
        ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        ca_key = serialization.load_pem_private_key(self._ca_key_file.read_bytes(), None)
        if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
            raise ValueError("ca.key is not an EC key")
        key = ec.generate_private_key(ec.SECP256R1())
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        subject = _subject("ways-device sandbox broker")
        serial = x509.random_serial_number()
        builder = (
            _builder(subject, ca.subject, key.public_key(), serial, _SERVER_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(issuer_key, critical=False)
        )
        write_private(self.key_file, _key_pem(key))
        write_private(self.cert_file, builder.sign(ca_key, hashes.SHA256()).public_bytes(_PEM))


_PEM = serialization.Encoding.PEM


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: int,
    life: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - _DAY)  # for a board whose clock is behind
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
