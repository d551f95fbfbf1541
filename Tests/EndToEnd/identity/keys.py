"""Key pairs, as JWK and PEM. Made once per kind and number, as RSA keys take their time."""

import functools
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from jwt.utils import base64url_encode, to_base64url_uint

CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "secp256k1": ec.SECP256K1}
CURVE_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
SIZE_OF = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}


@functools.cache
def private_key(kind, number):
    """`kind` is a curve, `Ed25519` or the bits of an RSA key; `number` tells several of a kind apart."""
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind]())
    return rsa.generate_private_key(65537, kind)


class Key:
    """A key pair with its algorithm and key id."""

    def __init__(self, algorithm="ES256", kid="one", number=0, kind=None):
        self.algorithm = algorithm
        self.kid = kid
        if kind is None:
            kind = "Ed25519" if algorithm == "EdDSA" else CURVE_OF.get(algorithm, 2048)
        self.kind = kind
        self.private = private_key(kind, number)

    def sign(self, data, algorithm=None):
        """A JWS signature, also with a key that the algorithm isn't meant for."""
        algorithm = algorithm or self.algorithm
        if self.kind == "Ed25519":
            return self.private.sign(data)
        hash = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[algorithm[2:5]]()
        if self.kind in CURVES:
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hash)))
            size = SIZE_OF[self.kind]
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        scheme = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            scheme = padding.PSS(padding.MGF1(hash), padding.PSS.DIGEST_LENGTH)
        return self.private.sign(data, scheme, hash)

    def members(self):
        """The public JWK's own members, without `kid`, `alg` and `use`."""
        public = self.private.public_key()
        if self.kind == "Ed25519":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(raw).decode()}
        numbers = public.public_numbers()
        if self.kind in CURVES:
            size = SIZE_OF[self.kind]
            x, y = (base64url_encode(part.to_bytes(size, "big")).decode() for part in (numbers.x, numbers.y))
            return {"kty": "EC", "crv": self.kind, "x": x, "y": y}
        return {"kty": "RSA", "n": to_base64url_uint(numbers.n).decode(), "e": to_base64url_uint(numbers.e).decode()}

    def jwk(self, **more):
        """The public JWK; a member given as None is left out."""
        members = {**self.members(), "kid": self.kid, "alg": self.algorithm, "use": "sig", **more}
        return {name: value for name, value in members.items() if value is not None}

    def private_jwk(self):
        if self.kind == "Ed25519":
            secret = {"d": base64url_encode(self.private.private_bytes(
                serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())).decode()}
        elif self.kind in CURVES:
            number = self.private.private_numbers().private_value
            secret = {"d": base64url_encode(number.to_bytes(SIZE_OF[self.kind], "big")).decode()}
        else:
            numbers = self.private.private_numbers()
            parts = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1,
                     "qi": numbers.iqmp}
            secret = {name: to_base64url_uint(value).decode() for name, value in parts.items()}
        return {**self.jwk(), **secret}

    def pem(self):
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def jwks(*keys):
    """A key set as text, of keys or of JWKs."""
    return json.dumps({"keys": [key.jwk() if isinstance(key, Key) else key for key in keys]})
