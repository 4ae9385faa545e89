"""Tests the service against PyJWT and joserfc. Usage: libraries.py TASK (written by begin.py)"""

import base64
import importlib.metadata
import json
import sys
import time
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import joserfc.jwt
import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from check_token import verifier

# joserfc prefers the name Ed25519 (RFC 9864), which many libraries do not support yet.
warnings.filterwarnings("ignore", "EdDSA is deprecated")

task = SimpleNamespace(**json.loads(Path(sys.argv[1]).read_text()))
is_symmetric = task.algorithm == "HS256"


def fetch_keys():
    with urlopen(task.jwks_uri, timeout=10) as response:
        return json.load(response)["keys"]


# With HS256 no key is published: the signing key verifies as well.
known = task.keys if is_symmetric else fetch_keys()


def log_in():
    """Returns a token that the service has just issued."""
    request = Request(f"{task.issuer}/login", json.dumps(task.user).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as response:
        return json.load(response)["token"]


class WithPyJWT:
    errors = (jwt.PyJWTError, KeyError)
    is_documented = not is_symmetric

    def verifier(self):
        """Returns the documented verifier."""
        return verifier(task.issuer, task.audience, task.algorithm)

    def verify(self, token, keys=known, issuer=task.issuer, audience=task.audience, algorithm=task.algorithm):
        key = jwt.PyJWKSet.from_dict({"keys": keys})[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience)

    def sign(self, claims, key, algorithm, typ):
        return jwt.encode(claims, jwt.PyJWK(key, algorithm).key, algorithm, {"kid": key["kid"], "typ": typ})

    def clock_behind(self, seconds):
        class Behind(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) - timedelta(seconds=seconds)

        return patch("jwt.api_jwt.datetime", Behind)


class WithJoserfc:
    errors = (JoseError, ValueError)
    is_documented = False

    def verifier(self):
        return lambda token: self.verify(token, fetch_keys())

    def verify(self, token, keys=known, issuer=task.issuer, audience=task.audience, algorithm=task.algorithm):
        claims = joserfc.jwt.decode(token, KeySet.import_key_set({"keys": keys}), algorithms=[algorithm]).claims
        wanted = {"iss": issuer, "aud": audience}
        required = {name: {"essential": True, "value": value} for name, value in wanted.items()}
        joserfc.jwt.JWTClaimsRegistry(exp={"essential": True}, **required).validate(claims)
        return claims

    def sign(self, claims, key, algorithm, typ):
        header = {"alg": algorithm, "kid": key["kid"]} | ({"typ": typ} if typ else {})
        return joserfc.jwt.encode(header, claims, import_key(key), [algorithm])


def fail(what):
    sys.exit(f"{task.algorithm}, {name}: {what}")


def assert_accepts(verify, token, what, **more):
    try:
        claims = verify(token)
    except Exception as error:
        fail(f"{what} is rejected: {error!r}")
    wanted = {"iss": task.issuer, "aud": task.audience, "sub": task.public_id, **more}
    if {claim: claims.get(claim) for claim in wanted} != wanted or not time.time() < claims["exp"]:
        fail(f"{what} has the claims {claims}")


def assert_rejects(verify, token, what):
    try:
        verify(token)
    except library.errors:
        return
    except Exception as error:
        fail(f"{what} raises {error!r}, which is not a verification error")
    fail(f"{what} is accepted")


def response_to(token):
    """Returns the status and the error code with which the service responds to a token."""
    try:
        with urlopen(Request(f"{task.issuer}/user", headers={"Authorization": f"Bearer {token}"}), timeout=10) as ok:
            return ok.status, None
    except HTTPError as error:
        return error.code, json.load(error).get("code")


def unsigned(claims, kid):
    parts = ({"alg": "none", "typ": "JWT", "kid": kid}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


for name, library in {"PyJWT": WithPyJWT(), "joserfc": WithJoserfc()}.items():
    now = int(time.time())
    # Without "alg" and "use", so that the libraries allow misuse of the keys.
    first, second, other = (
        {member: value for member, value in key.items() if member not in ("alg", "use")}
        for key in (*task.keys, task.other)
    )
    good = {"iss": task.issuer, "aud": task.audience, "sub": task.public_id, "iat": now, "nbf": now, "exp": now + 60}

    def sign(key=first, algorithm=task.algorithm, typ=task.typ, **changes):
        claims = {claim: value for claim, value in {**good, **changes}.items() if value is not None}
        return library.sign(claims, key, algorithm, typ)

    # The library verifies tokens of the service.
    verify = library.verify if is_symmetric else library.verifier()
    assert_accepts(verify, task.token, "the service's token", **task.claims)
    for what, wrong in {
        "another key with the same kid": {"keys": [task.other_verification_key | {"kid": first["kid"]}]},
        "another key": {"keys": [task.other_verification_key]},
        "another issuer": {"issuer": "https://auth.example.com"},
        "another audience": {"audience": "other-audience"},
        "another algorithm": {"algorithm": "ES384"},
    }.items():
        what = f"the service's token, with {what} required,"
        assert_rejects(lambda token: library.verify(token, **wrong), task.token, what)
    assert_rejects(verify, sign(key=other), "a token signed with another key")
    assert_rejects(verify, sign(key=other | {"kid": first["kid"]}), "a token signed with another key with the same kid")
    assert_rejects(verify, sign(exp=now - 60), "an expired token")

    if library.is_documented:
        assert_accepts(verify, sign(), "a token of the library")
        assert_rejects(verify, sign(typ="logout+jwt"), "a logout token")
        assert_rejects(verify, sign(aud=None), "a token without an audience")
        assert_rejects(verify, sign(aud="other-audience"), "a token for another audience")
        assert_rejects(verify, sign(iss="https://auth.example.com"), "a token of another issuer")
        assert_rejects(verify, sign(exp=None), "a token that does not expire")
        for seconds in (0.5, 4):
            with library.clock_behind(seconds):
                assert_accepts(verify, log_in(), f"a fresh token, with a clock that is {seconds} s behind,")
        with library.clock_behind(60):
            assert_rejects(verify, log_in(), "a fresh token, with a clock that is 60 s behind,")

    # The service verifies tokens of the library.
    for what, token in {
        "a token": sign(),
        "a token signed with the second key": sign(key=second),
        "a token for several audiences": sign(aud=["other-audience", task.audience]),
        "a token of the type JWT": sign(typ="JWT"),
        "a token without a type": sign(typ=None),
    }.items():
        if response_to(token) != (200, None):
            fail(f"the service responds to {what} of the library with {response_to(token)}")
    forgeries = {
        "signed with another key": sign(key=other),
        "signed with another key with the same kid": sign(key=other | {"kid": first["kid"]}),
        "signed with the second key with the kid of the first": sign(key=second | {"kid": first["kid"]}),
        "without an audience": sign(aud=None),
        "for another audience": sign(aud="other-audience"),
        "of another issuer": sign(iss="https://auth.example.com"),
        "that is expired": sign(exp=now - 60),
        "that does not expire": sign(exp=None),
        "that is not valid yet": sign(nbf=now + 60),
        "without a subject": sign(sub=None),
        "of another type": sign(typ="logout+jwt"),
        "without a signature": unsigned(good, first["kid"]),
    }
    if task.algorithm in ("HS256", "RS256"):
        longer = task.algorithm.replace("256", "512")
        forgeries[f"signed with {longer}"] = sign(algorithm=longer)
    if not is_symmetric:
        public = first.get("n") or first["x"]
        shared = {"kty": "oct", "k": public, "kid": first["kid"]}
        forgeries["signed with HS256 and the public key"] = sign(shared, "HS256")
    for what, token in forgeries.items():
        if response_to(token) != (401, "invalid-token"):
            fail(f"the service responds to a token {what} with {response_to(token)}")

    version = importlib.metadata.version(name)
    print(f"{task.algorithm}: {name} {version} accepts tokens of the service; "
          f"the service accepts its tokens and rejects its {len(forgeries)} forgeries")
