"""PyJWT and joserfc against the service. Usage: libraries.py TASK, which begin.py wrote."""

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

# joserfc would rather have it called Ed25519 (RFC 9864), which many do not know yet.
warnings.filterwarnings("ignore", "EdDSA is deprecated")

task = SimpleNamespace(**json.loads(Path(sys.argv[1]).read_text()))
is_symmetric = task.algorithm == "HS256"


def fetched():
    with urlopen(task.jwks_uri, timeout=10) as answer:
        return json.load(answer)["keys"]


# With HS256 nothing is published: what checks is what signs.
known = task.keys if is_symmetric else fetched()


class WithPyJWT:
    refusals = (jwt.PyJWTError, KeyError)

    def checker(self):
        """README's."""
        return checker(task.issuer, task.audience, task.algorithm)

    def check(self, token, keys=known, issuer=task.issuer, audience=task.audience, algorithm=task.algorithm):
        key = jwt.PyJWKSet.from_dict({"keys": keys})[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience)

    def sign(self, claims, key, algorithm):
        return jwt.encode(claims, jwt.PyJWK(key, algorithm).key, algorithm, {"kid": key["kid"]})


class WithJoserfc:
    refusals = (JoseError, ValueError)

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


def takes(check, token, what):
    try:
        claims = check(token)
    except Exception as error:
        fail(f"{what} is refused: {error!r}")
    wanted = {"iss": task.issuer, "aud": task.audience, "sub": task.public_id}
    if {claim: claims.get(claim) for claim in wanted} != wanted or not time.time() < claims["exp"]:
        fail(f"{what} has the claims {claims}")


def refuses(check, token, what):
    try:
        check(token)
    except library.refusals:
        return
    except Exception as error:
        fail(f"{what} leads to {error!r}, which is no refusal")
    fail(f"{what} is taken")


def answer(token):
    """The service's status for a token, and the code of its refusal."""
    try:
        with urlopen(Request(f"{task.issuer}/user", headers={"Authorization": f"Bearer {token}"}), timeout=10) as ok:
            return ok.status, None
    except HTTPError as refusal:
        return refusal.code, json.load(refusal).get("code")


def unsigned(claims, kid):
    parts = ({"alg": "none", "typ": "JWT", "kid": kid}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


for name, library in {"PyJWT": WithPyJWT(), "joserfc": WithJoserfc()}.items():
    now = int(time.time())
    # Without "alg" and "use", so that the libraries do not keep us from misusing them.
    first, second, other = (
        {member: value for member, value in key.items() if member not in ("alg", "use")} for key in (*task.keys, task.other)
    )
    good = {"iss": task.issuer, "aud": task.audience, "sub": task.public_id, "iat": now, "nbf": now, "exp": now + 60}

    def sign(key=first, algorithm=task.algorithm, **changes):
        claims = {claim: value for claim, value in {**good, **changes}.items() if value is not None}
        return library.sign(claims, key, algorithm)

    # Ours, by them.
    check = library.check if is_symmetric else library.checker()
    takes(check, task.token, "the service's token")
    for what, wrong in {
        "another key of this kid": {"keys": [task.other_checking | {"kid": first["kid"]}]},
        "another key": {"keys": [task.other_checking]},
        "another issuer": {"issuer": "https://auth.example.com"},
        "another audience": {"audience": "somebody-else"},
        "another algorithm": {"algorithm": "ES384"},
    }.items():
        refuses(lambda token: library.check(token, **wrong), task.token, f"the service's token, where {what} is asked for,")
    refuses(check, sign(key=other), "a token of another key")
    refuses(check, sign(key=other | {"kid": first["kid"]}), "a token of another key with this kid")
    refuses(check, sign(exp=now - 60), "an expired token")

    # Theirs, by us.
    for what, token in {
        "a token": sign(),
        "a token of the second key": sign(key=second),
        "a token for several": sign(aud=["somebody-else", task.audience]),
    }.items():
        if answer(token) != (200, None):
            fail(f"the service answers {what} of the library with {answer(token)}")
    forgeries = {
        "of another key": sign(key=other),
        "of another key with this kid": sign(key=other | {"kid": first["kid"]}),
        "of the second key with the first one's kid": sign(key=second | {"kid": first["kid"]}),
        "without an audience": sign(aud=None),
        "for another audience": sign(aud="somebody-else"),
        "of another issuer": sign(iss="https://auth.example.com"),
        "that is expired": sign(exp=now - 60),
        "that does not expire": sign(exp=None),
        "that is not valid yet": sign(nbf=now + 60),
        "of nobody": sign(sub=None),
        "without a signature": unsigned(good, first["kid"]),
    }
    if task.algorithm in ("HS256", "RS256"):
        longer = task.algorithm.replace("256", "512")
        forgeries[f"signed with {longer}"] = sign(algorithm=longer)
    if not is_symmetric:
        public = first.get("n") or first["x"]
        forgeries["signed with HS256 and the public key"] = sign({"kty": "oct", "k": public, "kid": first["kid"]}, "HS256")
    for what, token in forgeries.items():
        if answer(token) != (401, "invalid-token"):
            fail(f"the service answers a token {what} with {answer(token)}")

    version = importlib.metadata.version(name)
    print(f"{task.algorithm}: {name} {version} takes our tokens, we take its tokens and refuse its {len(forgeries)} forgeries")
