"""Generates keys. Usage: keys.py ALGORITHM FOLDER

Writes FOLDER/keys.json, a JWK Set of two private keys for the service, and FOLDER/other.json, a JWK Set of one key
that is unknown to the service.
"""

import json
import sys
from pathlib import Path

from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

algorithm, folder = sys.argv[1], Path(sys.argv[2])
generate = {
    "HS256": lambda: OctKey.generate_key(512),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "RS256": lambda: RSAKey.generate_key(2048),
}[algorithm]


def key(**members):
    generated = generate()
    return generated.as_dict(private=True) | {"kid": generated.thumbprint()} | members


def write(name, *keys):
    (folder / name).write_text(json.dumps({"keys": keys}))


# The second key omits the optional members.
write("keys.json", key(use="sig", alg=algorithm), key())
write("other.json", key(use="sig", alg=algorithm))
