"""Signs up a user, logs in, and checks the discovery documents.

Usage: begin.py ALGORITHM ISSUER AUDIENCE FOLDER
Reads the keys that keys.py wrote to FOLDER, and writes FOLDER/task.json for libraries.py and libraries.mjs.
"""

import base64
import json
import re
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

algorithm, issuer, audience, folder = *sys.argv[1:4], Path(sys.argv[4])
PRIVATE = {"k", "d", "p", "q", "dp", "dq", "qi", "oth"}


def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=10) as response:
            return response.headers, json.load(response)
    except HTTPError as error:
        sys.exit(f"{algorithm}: {url}: {error}: {error.read().decode()}")


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{algorithm}: {what}: found {found}, expected {wanted}")


def document(url):
    headers, content = call(url)
    expect(f"Content-Type of {url}", headers["Content-Type"], "application/json")
    # max-age of the key set decreases with its age.
    expect(f"Cache-Control of {url}", re.sub("[0-9]+", "N", headers["Cache-Control"]), "public, max-age=N")
    return content


def verification_key(key):
    """Returns the key that verifies signatures of `key`, as published. With HS256, it is the key itself."""
    public = key if algorithm == "HS256" else {name: value for name, value in key.items() if name not in PRIVATE}
    return public | {"use": "sig", "alg": algorithm}


keys = json.loads((folder / "keys.json").read_text())["keys"]
other = json.loads((folder / "other.json").read_text())["keys"][0]

configuration = document(f"{issuer}/.well-known/openid-configuration")
expect("issuer", configuration["issuer"], issuer)
# check_token.py and check_token.mjs rely on this path.
expect("jwks_uri", configuration["jwks_uri"], f"{issuer}/.well-known/jwks.json")
expect("id_token_signing_alg_values_supported", configuration["id_token_signing_alg_values_supported"], [algorithm])

public = [] if algorithm == "HS256" else [verification_key(key) for key in keys]
expect("JWK Set", document(configuration["jwks_uri"]), {"keys": public})

user = {"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse battery staple"}
public_id = call(f"{issuer}/signup", user)[1]["public_id"]
token = call(f"{issuer}/login", user)[1]["token"]
typ = "JWT" if algorithm == "HS256" else "at+jwt"
header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
expect("typ", header["typ"], typ)
claims = {"auth_time": payload["iat"], "amr": ["pwd"], "email": user["email"], "groups": []}
expect("claims", {claim: payload.get(claim) for claim in claims}, claims)
supported = configuration["claims_supported"]
expect("claims_supported", [claim for claim in claims if claim not in supported], [])

task = {
    "algorithm": algorithm, "issuer": issuer, "audience": audience, "jwks_uri": configuration["jwks_uri"],
    "public_id": public_id, "user": user, "token": token, "claims": claims, "typ": typ, "keys": keys,
    "other": other, "other_verification_key": verification_key(other),
}
(folder / "task.json").write_text(json.dumps(task))
