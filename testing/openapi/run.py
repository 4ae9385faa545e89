"""Checks the service against openapi.yaml with Schemathesis.

The runs cover both profiles, requests with and without a token, the rate limits, and closed sign-up.

Usage: python testing/openapi/run.py LOCAL SCHEMATHESIS [OPTION...]
LOCAL is the program `local`, and SCHEMATHESIS is an executable. The options go to `schemathesis run`, for example
--seed 1 or --max-examples 1000.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.error import HTTPError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(HERE.parent))

from service import PASSWORD, Service  # noqa: E402

WRONG_PASSWORD = "tortoise lamp quarrel"
# These calls revoke the token of the request, so each request needs a new user.
REVOKING = "^(logOut|changePassword|deleteMe|deleteMeByForm)$"
HASHING = "^(signUp|logIn|changePassword|deleteMe)$"
# Few examples, because each one hashes a password.
FEW = ("--phases", "examples,coverage,fuzzing", "--max-examples", "20")
# Schemathesis would send a random token beside the valid one, which is rejected.
WITHOUT_RANDOM_TOKENS = ("--generation-with-security-parameters", "false")
# All requests come from one address, by the thousand.
WITHOUT_RATE_LIMITS = {"THROTTLE_PAIR_FAILURES": "100", "THROTTLE_ACCOUNT_GUESSES": "0",
                       "THROTTLE_ADDRESS_GUESSES": "0", "THROTTLE_ADDRESS_SIGNUPS": "0",
                       "THROTTLE_PAIR_LOGINS": "0"}


class Schemathesis:
    def __init__(self, executable, options, folder):
        self._executable, self._options, self._folder = executable, options, folder
        self.failed = False

    def check(self, service, title, *options, hooks=None):
        print(f"== {title}", flush=True)
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        if hooks:
            environment["SCHEMATHESIS_HOOKS"] = str(hooks)
        # Schemathesis leaves files in its working directory.
        run = subprocess.run(
            [self._executable, "--config-file", ROOT / "schemathesis.toml", "run", ROOT / "openapi.yaml",
             "--url", service.url, *options, *self._options],
            cwd=self._folder, env=environment)
        self.failed |= run.returncode != 0
        if not service.program.is_running():
            status, log = service.program.stop()
            sys.exit(f"the service ended with status {status}:\n{log}")


def sign_in(service):
    """Signs up the example user of openapi.yaml as a member of the group that may list users. Returns a token."""
    service.set_on_user(service.sign_up(), "groups", {"SS": ["admin"]})
    return service.log_in()


def check_all(schemathesis, program, **settings):
    title = " ".join(f"{name}={value}" for name, value in settings.items())
    with Service(program, **settings, **WITHOUT_RATE_LIMITS) as service:
        token = ("--header", f"x-access-token: {sign_in(service)}")
        schemathesis.check(service, f"{title}: with a token", *token, *WITHOUT_RANDOM_TOKENS,
                           "--exclude-operation-id-regex", REVOKING)
        schemathesis.check(service, f"{title}: calls that revoke the token", *FEW,
                           "--include-operation-id-regex", REVOKING, hooks=HERE / "new_user.py")
        # The warnings are about missing authentication, which is intended here.
        schemathesis.check(service, f"{title}: without a token", "--warnings", "off")


def call_until_rate_limited(service, method, path, fields, token=None):
    for _ in range(100):
        try:
            service.call(method, path, fields, token)
            status = 200
        except HTTPError as refusal:
            status = refusal.code
        if status == 429:
            return
    sys.exit(f"{method} {path} was never rate-limited; the last status was {status}")


def check_rate_limited(schemathesis, program, **settings):
    """Checks the four calls that hash passwords after each of them has reached its default rate limit."""
    with Service(program, **settings) as service:
        token = sign_in(service)
        user = {"email": "ada@example.com", "password": PASSWORD}
        call_until_rate_limited(service, "POST", "/signup", {"name": "Ada Lovelace", **user})
        call_until_rate_limited(service, "POST", "/login", {**user, "password": WRONG_PASSWORD})
        passwords = {"current_password": WRONG_PASSWORD, "new_password": PASSWORD}
        call_until_rate_limited(service, "POST", "/password", passwords, token)
        call_until_rate_limited(service, "DELETE", "/user/me", {"password": WRONG_PASSWORD}, token)
        # When a wait ends, a password of the dictionary may be right and revoke the token. The remaining requests then
        # get the documented 401.
        schemathesis.check(service, "rate-limited", "--header", f"x-access-token: {token}", *WITHOUT_RANDOM_TOKENS,
                           "--warnings", "off", "--include-operation-id-regex", HASHING, *FEW)


def check_closed_sign_up(schemathesis, program, **settings):
    with Service(program, SIGNUP="closed", **settings) as service:
        # Every request is refused, valid ones included.
        schemathesis.check(service, "closed sign-up", "--warnings", "off", "--exclude-checks",
                           "positive_data_acceptance", "--include-operation-id-regex",
                           "^(signUp|signUpPage|headSignUpPage)$", *FEW)


def main():
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} LOCAL SCHEMATHESIS [OPTION...]")
    # The executable may be a symbolic link into a virtual environment, so links are not resolved.
    program, executable = (Path(argument).absolute() for argument in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        schemathesis = Schemathesis(executable, sys.argv[3:], folder)
        check_all(schemathesis, program, AUTH_PROFILE="tutorial")
        # An asymmetric key and an issuer, so that there are keys and a URL to publish.
        check_all(schemathesis, program, AUTH_PROFILE="strict", JWT_ALGORITHM="EdDSA",
                  JWT_ISSUER="https://auth.example.com")
        check_rate_limited(schemathesis, program, AUTH_PROFILE="strict")
        check_closed_sign_up(schemathesis, program, AUTH_PROFILE="tutorial")
        sys.exit(schemathesis.failed)


if __name__ == "__main__":
    main()
