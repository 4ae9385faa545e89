"""Migrates a Flask application to Postern, as docs/guides/migrate-from-flask.md describes it.

The application (app.py) runs and creates its users over HTTP. Its SQLite file is imported, and clients move over: with
the old passwords, and with the old tokens until a date.

Usage: python testing/migration/run.py LOCAL ADMIN FLASK_PYTHON...
LOCAL and ADMIN are programs of this repository. Each FLASK_PYTHON is an interpreter with Flask, Flask-SQLAlchemy and
PyJWT 1.7.
"""

import base64
import hashlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.error import HTTPError, URLError

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from service import Program, dynamodb  # noqa: E402

# A key that tutorials print, because people leave exactly such applications.
SECRET_KEY = "your secret key"
# Postern's own key, which stays the same when Postern starts again.
OWN_KEY = "a key of this test only: 0b9d7c51e6"
USERS = 20
START_TIMEOUT_SECONDS = 60
# The embedded database accepts any credentials.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}


def check(condition, message):
    if not condition:
        sys.exit(f"migration: {message}")


def call(url, method="GET", fields=None, token=None):
    """Returns the status and the body of a response. `fields` are sent as a form."""
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    headers = {"x-access-token": token} if token else {}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()


class User:
    def __init__(self, number):
        self.name = f"User {number}"
        # Every second address has upper-case letters, which the old application keeps.
        self.email = f"User{number}@Example.com" if number % 2 else f"user{number}@example.com"
        self.password = f"tortoise lamp quarrel {number}"
        self.token = self.public_id = None

    def log_in(self, url, password=None):
        fields = {"email": self.email, "password": password or self.password}
        status, body = call(f"{url}/login", "POST", fields)
        return status, json.loads(body)["token"] if status == 201 else None


class FlaskApplication:
    """The old application in a process of its own."""

    def __init__(self, python, database):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = {"SECRET_KEY": SECRET_KEY, "DATABASE": str(database), "PORT": str(port)}
        self._log = tempfile.TemporaryFile("a+")
        self._process = subprocess.Popen([python, HERE / "app.py"], env=settings, stdout=self._log, stderr=self._log)

    def wait(self):
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                return call(f"{self.url}/user")
            except URLError:
                time.sleep(0.1)
        self._log.seek(0)
        sys.exit(f"migration: the Flask application does not start\n{self._log.read()}")

    def stop(self):
        self._process.kill()
        self._process.wait()


class Migration:
    def __init__(self, local, admin, python, folder):
        self.local, self.admin, self.python = local, admin, python
        self.file = folder / "users.db"
        self.users = [User(number) for number in range(USERS)]
        self.old = FlaskApplication(python, self.file)
        database = Program(local, ["--dynamodb-only", "--dynamodb-port", "0"], {}, {"DynamoDB"})
        self.endpoint = database.addresses["DynamoDB"]
        self.programs = [database]

    def run(self):
        self.old.wait()
        self.create_users()
        before = self.digest()
        self.import_users()
        tomorrow = self.date(1)
        self.refuses_a_weak_key(tomorrow)
        url = self.start_postern(JWT_LEGACY_UNTIL=tomorrow, JWT_LEGACY_ACCEPT_WEAK_KEY="on")
        self.old_tokens_work(url)
        new_tokens = self.old_passwords_work(url)
        # On the date itself and after it, even for tokens that have not expired.
        for days in (0, -7):
            url = self.start_postern(JWT_LEGACY_UNTIL=self.date(days), JWT_LEGACY_ACCEPT_WEAK_KEY="on")
            self.only_new_tokens_work(url, new_tokens)
        url = self.start_postern(without_legacy=True)
        self.only_new_tokens_work(url, new_tokens)
        check(self.digest() == before, "the SQLite file has changed")
        self.can_go_back()

    def stop(self):
        self.old.stop()
        for program in self.programs:
            program.stop()

    def date(self, days):
        return (datetime.now(timezone.utc) + timedelta(days=days)).date().isoformat()

    def digest(self):
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def create_users(self):
        for user in self.users:
            fields = {"name": user.name, "email": user.email, "password": user.password}
            status, body = call(f"{self.old.url}/signup", "POST", fields)
            check(status == 201, f"the old application does not sign up a user: {status} {body}")
            status, user.token = user.log_in(self.old.url)
            check(status == 201, f"the old application does not log in a user: {status}")
        listed = json.loads(call(f"{self.old.url}/user", token=self.users[0].token)[1])["users"]
        ids = {user["email"]: user["public_id"] for user in listed}
        for user in self.users:
            user.public_id = ids[user.email]

    def import_users(self):
        self.run_admin("--dry-run")
        check(self.hashes() == [], "a dry run stored something")
        self.run_admin()
        imported = self.hashes()
        check(len(imported) == USERS, f"{len(imported)} of {USERS} users were imported")
        check(not any(hash.startswith("$argon2") for hash in imported), "the old hashes are not legacy hashes")
        self.run_admin()
        check(self.hashes() == imported, "the second import changed something")

    def run_admin(self, *options):
        command = [self.admin, "users", "import", self.file, "--from", "flask", "--endpoint", self.endpoint, *options]
        done = subprocess.run(command, env=CREDENTIALS, text=True, capture_output=True, timeout=300)
        check(done.returncode == 0, f"import {options} ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def hashes(self):
        items = dynamodb(self.endpoint, "Scan", TableName="Credentials")["Items"]
        return sorted(item["password_hash"]["S"] for item in items)

    def start_postern(self, without_legacy=False, **settings):
        """Ends the running Postern and starts another one over the same database."""
        for program in self.programs[1:]:
            program.stop()
        legacy = {} if without_legacy else {"JWT_LEGACY_SECRET_KEY": SECRET_KEY, **settings}
        options = ["--port", "0", "--dynamodb-endpoint", self.endpoint]
        program = Program(self.local, options, {**CREDENTIALS, "JWT_SECRET_KEY": OWN_KEY, **legacy}, {"API"})
        self.programs.append(program)
        return program.addresses["API"]

    def refuses_a_weak_key(self, date):
        try:
            self.start_postern(JWT_LEGACY_UNTIL=date)
        except RuntimeError as refusal:
            check("JWT_LEGACY_SECRET_KEY" in str(refusal) and SECRET_KEY not in str(refusal), str(refusal))
        else:
            check(False, "Postern accepts a printed key without JWT_LEGACY_ACCEPT_WEAK_KEY")

    def old_tokens_work(self, url):
        for user in self.users:
            status, body = call(f"{url}/user", token=user.token)
            check(status == 200 and len(json.loads(body)["users"]) == USERS, f"GET /user with an old token: {status}")
            status, body = call(f"{url}/user/me", token=user.token)
            me = json.loads(body)
            check(status == 200 and me["public_id"] == user.public_id, f"GET /user/me with an old token: {body}")
            check((me["name"], me["email"]) == (user.name, user.email.lower()), f"another user: {body}")
        user = self.users[0]
        changes = {"current_password": user.password, "password": user.password,
                   "new_password": "a better tortoise lamp quarrel"}
        for method, path in (("POST", "/password"), ("DELETE", "/user/me"), ("POST", "/logout")):
            status, _ = call(f"{url}{path}", method, changes, user.token)
            check(status == 401, f"{method} {path} with an old token: {status}")

    def old_passwords_work(self, url):
        """Returns the new tokens."""
        tokens = []
        for user in self.users:
            status, _ = user.log_in(url, user.password + "x")
            check(status == 403, f"a wrong password: {status}")
            status, token = user.log_in(url)
            check(status == 201, f"an old password: {status}")
            check(self.claims(token)["iss"] == "postern", f"not a token of Postern: {token}")
            check(call(f"{self.old.url}/user", token=token)[0] == 401, "the old application accepts a new token")
            tokens.append(token)
        hashes = self.hashes()
        check(len(hashes) == USERS and all(hash.startswith("$argon2id$") for hash in hashes), f"old hashes: {hashes}")
        for user in self.users:
            check(user.log_in(url)[0] == 201, "the password does not work with the new hash")
        return tokens

    def only_new_tokens_work(self, url, new_tokens):
        for user, token in zip(self.users, new_tokens):
            for path in ("/user", "/user/me"):
                check(call(f"{url}{path}", token=user.token)[0] == 401, f"{path} accepts an old token after the date")
                check(call(f"{url}{path}", token=token)[0] == 200, f"{path} refuses a new token")

    def can_go_back(self):
        for user in self.users:
            check(user.log_in(self.old.url)[0] == 201, "the old application has lost a user")
            check(call(f"{self.old.url}/user", token=user.token)[0] == 200, "the old application refuses its token")

    @staticmethod
    def claims(token):
        payload = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def main():
    if len(sys.argv) < 4:
        sys.exit(f"usage: {sys.argv[0]} LOCAL ADMIN FLASK_PYTHON...")
    local, admin = (Path(argument).resolve() for argument in sys.argv[1:3])
    for python in sys.argv[3:]:
        with tempfile.TemporaryDirectory() as folder:
            migration = Migration(local, admin, Path(python).absolute(), Path(folder))
            try:
                migration.run()
            finally:
                migration.stop()
        print(f"{USERS} users of {python} were migrated")


if __name__ == "__main__":
    main()
