"""Certificates for tests: a root, and what it or another signs."""

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = timedelta(days=1)


class Authority:
    """A root certificate and its key; with a signer, one that stands below that."""

    def __init__(
        self,
        name: str = "Test CA",
        days: int = 1,
        signer: "Authority | None" = None,
        is_ca: bool = True,
    ):
        """is_ca is what the certificate says; without, it signs what it has no right to."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.signer = signer
        self.certificate = _signed(self.key, name, days, signer or self, is_ca=is_ca)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def server(
        self,
        folder: Path,
        name: str = "localhost",
        days: int = 1,
        since_days: int = -10,
        purpose: x509.ObjectIdentifier | None = None,
        is_self_signed: bool = False,
    ) -> tuple[Path, Path]:
        """Write a server's chain and key; return their paths. Its days count from now.

        With a purpose the certificate is good for that alone.
        """
        key = self.key if is_self_signed else ec.generate_private_key(ec.SECP256R1())
        signed = _signed(key, name, days, self, False, since_days=since_days, purpose=purpose)
        chain = signed.public_bytes(serialization.Encoding.PEM)
        (folder / "chain.pem").write_bytes(chain + (self.pem if self.signer else b""))
        (folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return folder / "chain.pem", folder / "key.pem"


def _signed(
    key: ec.EllipticCurvePrivateKey,
    name: str,
    days: int,
    signer: Authority,
    is_ca: bool,
    since_days: int = -10,
    purpose: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer = subject if signer.key is key else signer.certificate.subject
    now = datetime.now(timezone.utc)
    usage = x509.KeyUsage(True, False, False, False, False, is_ca, is_ca, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since_days * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()),
            critical=False,
        )
    )
    if purpose:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(signer.key, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
