"""Imports the hashes of other libraries, and logs in with their passwords.

Each right password logs in and its hash becomes Argon2id at Postern's cost; passwords and hashes with one changed
character do not log in.

Usage: python testing/hashes/run.py LOCAL ADMIN FILE...
LOCAL and ADMIN are the programs. Each FILE is the output of generate.py.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE)]

from generate import PASSWORD  # noqa: E402
from service import Service  # noqa: E402

# The example of https://github.com/firebase/scrypt, in the normal form of docs/concepts/password-hashes.md.
FIREBASE = {
    "email": "firebase@example.com",
    "name": "Firebase's example",
    "password_hash": "$firebase-scrypt$ln=14,r=8,p=1$42xEC+ixf3L2lwc"
                     "$GjH2+Jz+dglLj5NuFkZHgBvZnv8Z8VZE5sdIgEAbIgeXy+ZfSpJLu1A++pZcpx0OhX41mDwvu2Olmp+PnfLfyQ",
}
# Guesses come from one address. Costs of 14 make a log-in slow on a busy machine.
SETTINGS = {"THROTTLE_ADDRESS_GUESSES": "0", "THROTTLE_PAIR_FAILURES": "100"}
CURRENT = "$argon2id$v=19$m=19456,t=2,p=1$"
TABLES = {f"{name.upper()}_TABLE": name for name in ("Users", "Credentials", "Sessions", "Throttle")}


def password_of(row):
    return "user1password" if row is FIREBASE else PASSWORD


def changed(text):
    """Replaces the last character that carries six bits by another one of every alphabet: hexadecimal and Base64."""
    place = len(text.rstrip("=")) - 2
    return text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1:]


def with_changed_hashes(rows):
    for row in rows:
        user, domain = row["email"].split("@")
        yield {**row, "email": f"{user}.changed@{domain}", "password_hash": changed(row["password_hash"])}


def import_rows(program, service, rows):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "users.jsonl")
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        arguments = ["users", "import", str(file), "--from", "jsonl", "--endpoint", service.endpoint, "--yes"]
        subprocess.run([program, *arguments], check=True, env={**os.environ, **TABLES})


def expect(condition, row, what):
    if not condition:
        sys.exit(f"{row['name']}: {what}: {row['password_hash']}")


def main():
    if len(sys.argv) < 4:
        sys.exit(f"usage: {sys.argv[0]} LOCAL ADMIN FILE...")
    local, admin, *files = sys.argv[1:]
    rows = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()] + [FIREBASE]
    with Service(local, **SETTINGS) as service:
        import_rows(admin, service, [*rows, *with_changed_hashes(rows)])
        for row in rows:
            password = password_of(row)
            for wrong in (password[:-1], password + "x", password.capitalize()):
                expect(not service.can_log_in(wrong, row["email"]), row, f"logs in with {wrong!r}")
            expect(service.can_log_in(password, row["email"]), row, "does not log in")
            expect(service.can_log_in(password, row["email"]), row, "does not log in a second time")
        for row in with_changed_hashes(rows):
            status = service.status_of_log_in(password_of(row), row["email"])
            expect(status == 403, row, f"status {status} instead of 403 with a changed hash")
        hashes = service.password_hashes()
    for row in rows:
        # Argon2id of a higher cost stays. The weaker ones have 1 MiB.
        stays = "argon2id$v=19" in row["password_hash"] and "m=1024," not in row["password_hash"]
        expect(hashes[row["email"]].startswith("$argon2id$v=19$m=" if stays else CURRENT), row, "was not replaced")
    print(f"{len(rows)} hashes log in, and no changed one does")


if __name__ == "__main__":
    main()
