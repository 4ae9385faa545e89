"""Runs every command of `admin users` against moto, a second implementation of DynamoDB.

Usage: python testing/moto/run.py LOCAL ADMIN
LOCAL and ADMIN are the programs `local` and `admin`. The interpreter's folder must have the program `moto_server`, and
its packages boto3.
"""

import base64
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import boto3

sys.path.append(str(Path(__file__).resolve().parent.parent))

from service import PASSWORD, Service  # noqa: E402

AWS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1",
       "AWS_DEFAULT_REGION": "us-east-1"}
ADA = "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55"
STACK = "postern-moto"
TABLES = {"Users": ["public_id"], "Credentials": ["email"], "Sessions": ["public_id", "session_id"], "Throttle": ["id"]}


class Moto:
    """The server on a free port."""

    def __init__(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        program = Path(sys.executable).with_name("moto_server")
        self._process = subprocess.Popen([program, "--port", str(port)], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(600):
            try:
                urlopen(f"{self.url}/moto-api/", timeout=5).close()
                return self
            except URLError:
                if self._process.poll() is not None:
                    break
                # The server reports nothing when it is ready.
                time.sleep(0.1)
        self.__exit__()
        sys.exit("moto_server did not start")

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()


class Admin:
    """Runs `admin users` with the same options and variables each time."""

    def __init__(self, program, options, variables):
        self._program, self._options = program, options
        self._variables = {"PATH": os.environ["PATH"], "USER": "moto", **variables}

    def run(self, *arguments, status=0):
        """Returns standard output and standard error of a command that must end with this status."""
        command = [self._program, "users", *map(str, arguments), *self._options]
        done = subprocess.run(command, env=self._variables, text=True, capture_output=True, timeout=120,
                              stdin=subprocess.DEVNULL)
        if done.returncode != status:
            command = " ".join(map(str, command))
            sys.exit(f"{command}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
        for secret in ("$argon2", "$pbkdf2", "$scrypt"):
            hidden = done.stderr if "--with-hashes" in arguments else done.stdout + done.stderr
            require(secret not in hidden, f"{arguments} prints a hash")
        return done.stdout, done.stderr

    def change(self, event, *arguments):
        """Runs a command that changes a user, and checks its audit line."""
        _, stderr = self.run(*arguments)
        lines = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
        found = [line for line in lines if line["event"] == event]
        require(found, f"{arguments} prints no audit line {event}:\n{stderr}")
        require({"caller", "time"} <= found[0].keys() and "@" not in json.dumps(found[0]), f"audit line {found[0]}")


def require(condition, failure):
    if not condition:
        sys.exit(failure)


def b64(value):
    return base64.b64encode(value).rstrip(b"=").decode()


def pbkdf2(password):
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt of a user", 1000)
    return f"$pbkdf2-sha256$i=1000${b64(b'salt of a user')}${b64(digest)}"


def scrypt(password):
    digest = hashlib.scrypt(password.encode(), salt=b"salt of a user", n=1024, r=8, p=1, dklen=32)
    return f"$scrypt$ln=10,r=8,p=1${b64(b'salt of a user')}${b64(digest)}"


def write_users(path):
    users = [
        {"public_id": ADA, "name": "Ada Lovelace", "email": "ada@example.com", "password_hash": pbkdf2("ada's old one"),
         "created_at": 1672628645, "groups": ["staff"], "claims": {"department": "research"},
         "email_verified": True},
        {"name": "Grace Hopper", "email": "Grace@Example.com", "password_hash": scrypt("grace's old one")},
        {"name": "Eve", "email": "eve@example.com", "password_hash": pbkdf2("eve's old one"), "disabled": True},
    ]
    path.write_text("".join(json.dumps(user) + "\n" for user in users))


def check_import(admin, service, folder):
    users = folder / "users.jsonl"
    write_users(users)
    admin.run("import", users, "--from", "jsonl", "--dry-run")
    require(service.count("Users") == 0, "a dry run writes")
    admin.run("import", users, "--from", "jsonl")
    admin.run("import", users, "--from", "jsonl")
    require((service.count("Users"), service.count("Credentials")) == (3, 3), "an import twice differs from once")
    for password, email in (("ada's old one", "ada@example.com"), ("grace's old one", "grace@example.com")):
        require(not service.can_log_in(password + "!", email), "a wrong password of an imported user is accepted")
        require(service.can_log_in(password, email), f"{email} cannot log in after the import")
    require(not service.can_log_in("eve's old one", "eve@example.com"), "an imported disabled user can log in")
    with (folder / "broken.jsonl").open("w") as broken:
        broken.write('{"name":"Kay","email":"not an address","password_hash":"$2b$12$short"}\n{"name":')
    admin.run("import", folder / "broken.jsonl", "--from", "jsonl", status=1)
    require(service.count("Users") == 3, "a rejected row is imported")


def check_reading(admin):
    for arguments, expected in (
        (["list"], {"ada@example.com", "grace@example.com", "eve@example.com"}),
        (["list", "--newest", "--limit", "3"], {"ada@example.com", "grace@example.com", "eve@example.com"}),
        (["list", "--group", "staff"], {"ada@example.com"}),
        (["list", "--disabled"], {"eve@example.com"}),
        (["list", "--older-than", "30d"], {"ada@example.com"}),
    ):
        stdout, _ = admin.run(*arguments, "--json")
        found = {json.loads(line)["email"] for line in stdout.splitlines()}
        require(found == expected, f"{arguments}: {found}")
        admin.run(*arguments)
    for name in ("ada@example.com", " ADA@example.COM ", ADA):
        stdout, _ = admin.run("show", name, "--json")
        json.loads(stdout)
        require(ADA in stdout and "research" in stdout, f"show {name}: {stdout}")
        require("Ada Lovelace" in admin.run("show", name)[0], f"show {name}")
    for arguments in (["count", "--json"], ["count", "--legacy", "--json"]):
        count = json.loads(admin.run(*arguments)[0])
        require(count["users"] == 3, f"{arguments}: {count}")


def status_of_me(service, token):
    try:
        service.call("GET", "/user/me", token=token)
        return 200
    except HTTPError as refusal:
        return refusal.code


def check_changes(admin, service):
    password, email = "ada's old one", "ada@example.com"
    token = service.log_in(password, email)
    admin.change("user-disabled", "disable", email)
    require(status_of_me(service, token) == 401, "a token of a disabled user is accepted")
    require(not service.can_log_in(password, email), "a disabled user can log in")
    admin.change("user-enabled", "enable", ADA)
    token = service.log_in(password, email)
    admin.change("groups-changed", "groups", email, "add", "admin")
    require("admin" in admin.run("show", email)[0], "the group was not added")
    admin.change("groups-changed", "groups", email, "remove", "admin")
    admin.change("claims-changed", "claims", email, "set", "level", "3")
    claims = service.call("GET", "/user/me", token=token)
    require(claims.get("claims") == {"department": "research", "level": 3}, f"claims: {claims}")
    admin.change("claims-changed", "claims", email, "unset", "level")
    require(status_of_me(service, token) == 200, "a change of claims ends a session")
    admin.change("sessions-ended", "log-out", email)
    require(status_of_me(service, token) == 401, "a token is accepted after log-out")

    require(not service.can_log_in("wrong", "grace@example.com"), "a wrong password is accepted")
    admin.run("throttle", "grace@example.com")
    admin.run("throttle", "127.0.0.1")
    admin.change("rate-limit-reset", "throttle", "grace@example.com", "--reset")
    require(service.can_log_in("grace's old one", "grace@example.com"), "the user cannot log in after a reset")

    for arguments in (["show"], ["disable"], ["enable"], ["delete", "--yes"], ["log-out"]):
        for name in ("unknown@example.com", ADA[:-1] + "6"):
            admin.run(*arguments, name, status=1)
    admin.run("groups", "unknown@example.com", "add", "admin", status=1)
    admin.run("claims", ADA[:-1] + "6", "set", "level", "3", status=1)
    admin.run("claims", email, "set", "sub", "another user", status=2)
    require(service.count("Users") == service.count("Credentials") == 3, "a failed command changed the tables")


def check_export(admin, service, folder):
    for form, with_hashes in ((form, hashes) for form in ("jsonl", "csv", "cognito", "kratos") for hashes in (0, 1)):
        path = folder / f"users.{form}"
        # Cognito's import would enable disabled users, so one is left out.
        status = 1 if form == "cognito" else 0
        admin.run("export", "--to", form, *["--with-hashes"] * with_hashes, "--output", path, status=status)
        require(stat.S_IMODE(path.stat().st_mode) == 0o600, f"the mode of {path.name}")
        text = path.read_text()
        require("ada@example.com" in text and ("$argon2id$" in text) == bool(with_hashes), f"{form}: {text}")
        require(("eve@example.com" in text) == (form != "cognito"), f"{form}: {text}")
        require(admin.run("export", "--to", form, status=status)[0].count("\n") > 0, f"{form} on standard output")


def check_round_trip(admin, service, folder):
    """Export, empty tables, import, log in."""
    first, second = folder / "first.jsonl", folder / "second.jsonl"
    admin.change("users-exported", "export", "--to", "jsonl", "--with-hashes", "--output", first)
    for email in ("ada@example.com", "GRACE@example.com", "eve@example.com"):
        admin.change("user-deleted", "delete", "--yes", email)
    require(service.count("Users") == service.count("Credentials") == service.count("Sessions") == 0, "a user remains")
    admin.run("import", first, "--from", "jsonl")
    admin.run("export", "--to", "jsonl", "--with-hashes", "--output", second)
    require(sorted(first.open()) == sorted(second.open()), "a round trip changes the export")
    require(service.can_log_in("ada's old one", "ada@example.com"), "a user cannot log in after a round trip")
    require(not service.can_log_in("eve's old one", "eve@example.com"), "a round trip enables a user")


def create_stack(url):
    """A stack with the tables and outputs of template.yaml."""
    resources, outputs = {}, {}
    for table, keys in TABLES.items():
        resources[f"{table}Table"] = {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
                "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"))],
            },
        }
        outputs[f"{table}TableName"] = {"Value": {"Ref": f"{table}Table"}}
    client = boto3.client("cloudformation", endpoint_url=url, region_name=AWS["AWS_REGION"],
                          aws_access_key_id="local", aws_secret_access_key="local")
    client.create_stack(StackName=STACK, TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}))
    described = client.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in described}


def check_stack(local, program, moto, folder):
    """The names of the tables come from the outputs of a stack, and the caller from STS."""
    names = create_stack(moto.url)
    settings = {f"{table.upper()}_TABLE": names[f"{table}TableName"] for table in TABLES}
    admin = Admin(program, ["--stack", STACK], {**AWS, "AWS_ENDPOINT_URL": moto.url})
    with Service(local, endpoint=moto.url, **settings) as service:
        email = "kay@example.com"
        service.sign_up("Kay", email)
        require(email in admin.run("list")[0], "list --stack")
        _, stderr = admin.run("disable", email)
        require("arn:aws:sts::" in stderr or "arn:aws:iam::" in stderr, f"the caller is missing: {stderr}")
        require(not service.can_log_in(PASSWORD, email), "disable --stack")
        path = folder / "stack.jsonl"
        admin.run("export", "--to", "jsonl", "--with-hashes", "--output", path)
        admin.run("delete", "--yes", email)
        admin.run("import", path, "--from", "jsonl")
        require(email in admin.run("list", "--disabled")[0], "import --stack")
    Admin(program, ["--stack", "no-such-stack"], {**AWS, "AWS_ENDPOINT_URL": moto.url}).run("list", status=1)


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} LOCAL ADMIN")
    local, program = (Path(argument).resolve() for argument in sys.argv[1:])
    with Moto() as moto, tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        admin = Admin(program, ["--endpoint", moto.url], AWS)
        with Service(local, endpoint=moto.url, LEGACY_HASHES="pbkdf2-sha256:1000,scrypt:10:8:1") as service:
            check_import(admin, service, folder)
            check_reading(admin)
            check_changes(admin, service)
            check_export(admin, service, folder)
            check_round_trip(admin, service, folder)
        check_stack(local, program, moto, folder)
    print("admin users: every command works with moto")


if __name__ == "__main__":
    main()
