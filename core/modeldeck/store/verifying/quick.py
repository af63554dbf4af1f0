"""Checking signatures of common keys in this process, a hundred times faster than by a child.

It may only vouch: *yes* means that ``ssh-keygen -Y verify`` accepts the signature too, and anything
else means that ``ssh-keygen`` is to be asked. So the format is read in its one form alone, keys
that are too short or written in an unusual way are left to ``ssh-keygen``, and so are keys of
hardware (``sk-``), whose signatures hold more.

Sources: PROTOCOL.sshsig of OpenSSH; RFC 8709 (Ed25519), RFC 5656 (ECDSA), RFC 8332 (RSA with
SHA-2). Ed25519 here refuses every S that is not below the group's order (RFC 8032, section 5.1.7),
which OpenSSH reduces: what holds here holds there.

The library is loaded when the first signature is to be checked; it takes some 0.1 s.
"""

from __future__ import annotations

from collections.abc import Callable

from modeldeck.store.verifying.sshsig import FormatError, Reader, Signature

_P = 2**255 - 19
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 16384


def holds(message: bytes, signature: Signature) -> bool:
    """Say whether a signature is sure to verify under the key that it names.

    False says nothing: the key may be of a kind that is not checked here.
    """
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    except ImportError:  # no wheel for this machine: the slow way goes everywhere
        return False
    try:
        check = _KINDS.get(Reader(signature.key).string())
        if check is None:
            return False
        check(signature, signature.covered(message))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _ed25519(signature: Signature, covered: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = Reader(signature.key)
    _kind, point = key.string(), key.string()
    key.end()
    if signature.algorithm != b"ssh-ed25519" or not _is_plain(point):
        raise FormatError
    Ed25519PublicKey.from_public_bytes(point).verify(signature.value, covered)


def _is_plain(point: bytes) -> bool:
    """Say whether a point of the curve is written in its one form."""
    return int.from_bytes(point, "little") & (2**255 - 1) < _P


def _ecdsa(bits: int) -> Callable[[Signature, bytes], None]:
    name = f"nistp{bits}".encode()

    def check(signature: Signature, covered: bytes) -> None:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        curves = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
        digests = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
        key = Reader(signature.key)
        _kind, curve, point = key.string(), key.string(), key.string()
        key.end()
        numbers = Reader(signature.value)
        pair = utils.encode_dss_signature(numbers.mpint(), numbers.mpint())
        numbers.end()
        is_plain = point[:1] == b"\x04"
        if curve != name or signature.algorithm != b"ecdsa-sha2-" + name or not is_plain:
            raise FormatError
        public = ec.EllipticCurvePublicKey.from_encoded_point(curves[bits], point)
        public.verify(pair, covered, ec.ECDSA(digests[bits]))

    return check


def _rsa(signature: Signature, covered: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    digests = {b"rsa-sha2-256": hashes.SHA256, b"rsa-sha2-512": hashes.SHA512}
    key = Reader(signature.key)
    _kind, exponent, modulus = key.string(), key.mpint(), key.mpint()
    key.end()
    digest = digests.get(signature.algorithm)
    if digest is None or not _MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
        raise FormatError
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(signature.value, covered, padding.PKCS1v15(), digest())


_KINDS = {
    b"ssh-ed25519": _ed25519,
    b"ssh-rsa": _rsa,
    **{f"ecdsa-sha2-nistp{bits}".encode(): _ecdsa(bits) for bits in (256, 384, 521)},
}
"""How the keys of each kind are checked; other kinds are left to ``ssh-keygen``."""
