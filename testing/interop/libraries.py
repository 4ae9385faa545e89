"""Checks the service against PyJWT and joserfc.

Usage: libraries.py TASK
begin.py writes the file TASK.
"""

import base64
import importlib.metadata
import json
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import joserfc.jwt
import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from check_token import checker

# joserfc recommends the name Ed25519 (RFC 9864), which many libraries do not support yet.
warnings.filterwarnings("ignore", "EdDSA is deprecated")

task = SimpleNamespace(**json.loads(Path(sys.argv[1]).read_text()))
is_symmetric = task.algorithm == "HS256"


def fetched():
    with urlopen(task.jwks_uri, timeout=10) as body:
        return json.load(body)["keys"]


# With HS256 nothing is published, because the same key signs and verifies.
known = task.keys if is_symmetric else fetched()


class WithPyJWT:
    errors = (jwt.PyJWTError, KeyError)

    def checker(self):
        """The function of the documentation."""
        return checker(task.issuer, task.audience, task.algorithm)

    def check(self, token, keys=known, issuer=task.issuer, audience=task.audience, algorithm=task.algorithm):
        key = jwt.PyJWKSet.from_dict({"keys": keys})[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience)

    def sign(self, claims, key, algorithm):
        return jwt.encode(claims, jwt.PyJWK(key, algorithm).key, algorithm, {"kid": key["kid"]})


class WithJoserfc:
    errors = (JoseError, ValueError)

    def checker(self):
        return lambda token: self.check(token, fetched())

    def check(self, token, keys=known, issuer=task.issuer, audience=task.audience, algorithm=task.algorithm):
        claims = joserfc.jwt.decode(token, KeySet.import_key_set({"keys": keys}), algorithms=[algorithm]).claims
        wanted = {"iss": issuer, "aud": audience}
        required = {name: {"essential": True, "value": value} for name, value in wanted.items()}
        joserfc.jwt.JWTClaimsRegistry(exp={"essential": True}, **required).validate(claims)
        return claims

    def sign(self, claims, key, algorithm):
        return joserfc.jwt.encode({"alg": algorithm, "kid": key["kid"]}, claims, import_key(key), [algorithm])


def fail(what):
    sys.exit(f"{task.algorithm}, {name}: {what}")


def assert_accepted(check, token, what):
    try:
        claims = check(token)
    except Exception as error:
        fail(f"{what} is rejected: {error!r}")
    wanted = {"iss": task.issuer, "aud": task.audience, "sub": task.public_id}
    if {claim: claims.get(claim) for claim in wanted} != wanted or not time.time() < claims["exp"]:
        fail(f"{what} has the claims {claims}")


def assert_rejected(check, token, what):
    try:
        check(token)
    except library.errors:
        return
    except Exception as error:
        fail(f"{what} leads to {error!r}, which is not a rejection")
    fail(f"{what} is accepted")


def response(token):
    """The service's status for a token, and the error code."""
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
    # Without "alg" and "use", so that the libraries let the tests misuse the keys.
    first, second, other = (
        {member: value for member, value in key.items() if member not in ("alg", "use")}
        for key in (*task.keys, task.other)
    )
    good = {"iss": task.issuer, "aud": task.audience, "sub": task.public_id, "iat": now, "nbf": now, "exp": now + 60}

    def sign(key=first, algorithm=task.algorithm, **changes):
        claims = {claim: value for claim, value in {**good, **changes}.items() if value is not None}
        return library.sign(claims, key, algorithm)

    # The library verifies the service's tokens.
    check = library.check if is_symmetric else library.checker()
    assert_accepted(check, task.token, "the service's token")
    for what, wrong in {
        "another key of this kid": {"keys": [task.other_verifying | {"kid": first["kid"]}]},
        "another key": {"keys": [task.other_verifying]},
        "another issuer": {"issuer": "https://auth.example.com"},
        "another audience": {"audience": "another-service"},
        "another algorithm": {"algorithm": "ES384"},
    }.items():
        what = f"the service's token, where the library requires {what},"
        assert_rejected(lambda token: library.check(token, **wrong), task.token, what)
    assert_rejected(check, sign(key=other), "a token of another key")
    assert_rejected(check, sign(key=other | {"kid": first["kid"]}), "a token of another key with this kid")
    assert_rejected(check, sign(exp=now - 60), "an expired token")

    # The service verifies the library's tokens.
    for what, token in {
        "a token": sign(),
        "a token of the second key": sign(key=second),
        "a token for several": sign(aud=["another-service", task.audience]),
    }.items():
        if response(token) != (200, None):
            fail(f"the service responds to {what} of the library with {response(token)}")
    forgeries = {
        "of another key": sign(key=other),
        "of another key with this kid": sign(key=other | {"kid": first["kid"]}),
        "of the second key with the first one's kid": sign(key=second | {"kid": first["kid"]}),
        "without an audience": sign(aud=None),
        "for another audience": sign(aud="another-service"),
        "of another issuer": sign(iss="https://auth.example.com"),
        "that is expired": sign(exp=now - 60),
        "that does not expire": sign(exp=None),
        "that is not valid yet": sign(nbf=now + 60),
        "without a subject": sign(sub=None),
        "without a signature": unsigned(good, first["kid"]),
    }
    if task.algorithm in ("HS256", "RS256"):
        longer = task.algorithm.replace("256", "512")
        forgeries[f"signed with {longer}"] = sign(algorithm=longer)
    if not is_symmetric:
        public = {"kty": "oct", "k": first.get("n") or first["x"], "kid": first["kid"]}
        forgeries["signed with HS256 and the public key"] = sign(public, "HS256")
    for what, token in forgeries.items():
        if response(token) != (401, "invalid-token"):
            fail(f"the service responds to a token {what} with {response(token)}")

    version = importlib.metadata.version(name)
    print(f"{task.algorithm}: {name} {version} accepts our tokens; "
          f"we accept its tokens and reject its {len(forgeries)} forgeries")
