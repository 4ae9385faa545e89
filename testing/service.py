"""Runs the program `local` for the tests in this folder."""

import json
import re
import subprocess
import tempfile
import threading
import urllib.request
from urllib.error import HTTPError

PASSWORD = "correct horse battery staple"
START_TIMEOUT_SECONDS = 60


class Program:
    """One process of `local` with exactly these environment variables."""

    def __init__(self, path, options, settings, wanted):
        self._log = tempfile.TemporaryFile("a+")
        self._process = subprocess.Popen(
            [path, *options], env=settings, text=True, stdout=subprocess.PIPE, stderr=self._log)
        self.addresses = self._wait_for(wanted)
        # An unread pipe would fill up and block the process.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def _wait_for(self, wanted):
        """Reads lines such as `API on http://127.0.0.1:3000` until each wanted address is known."""
        found = {}
        watchdog = threading.Timer(START_TIMEOUT_SECONDS, self._process.kill)
        watchdog.start()
        try:
            for line in self._process.stdout:
                if match := re.match(r"(\w+) on (http\S+)", line):
                    found[match[1]] = match[2]
                if wanted <= found.keys():
                    return found
        finally:
            watchdog.cancel()
        status, log = self.stop()
        raise RuntimeError(f"the service did not start (status {status}):\n{log}")

    def is_running(self):
        return self._process.poll() is None

    def stop(self):
        """Kills the process, and returns its exit status and the end of its log. Can be called again."""
        if not self._log.closed:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._log.seek(0)
            self._last_lines = "".join(self._log.readlines()[-20:])
            self._log.close()
        return self._process.returncode, self._last_lines


class Service:
    """Postern on free ports with an in-memory database.

    `separate_database` runs the database in a second process, which a test can kill. `endpoint` is the URL of another
    DynamoDB on this machine. `options` are further options of the program. The other keyword arguments are settings.
    """

    def __init__(self, path, port=0, separate_database=False, endpoint=None, options=(), **settings):
        self._database = None
        database = ["--dynamodb-endpoint", endpoint] if endpoint else ["--dynamodb-port", "0"]
        if separate_database:
            self._database = Program(path, ["--dynamodb-only", *database], settings, {"DynamoDB"})
            database = ["--dynamodb-endpoint", self._database.addresses["DynamoDB"]]
        self.program = Program(path, ["--port", str(port), *options, *database], settings, {"API", "DynamoDB"})
        self.url, self.endpoint = (self.program.addresses[name] for name in ("API", "DynamoDB"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.program.stop()
        if self._database:
            self._database.stop()

    def stop_database(self):
        self._database.stop()

    def call(self, method, path, fields=None, token=None):
        """Sends a JSON request. Raises HTTPError for a status of 400 and above."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if fields is None else json.dumps(fields).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None

    def sign_up(self, name="Ada Lovelace", email="ada@example.com"):
        return self.call("POST", "/signup", {"name": name, "email": email, "password": PASSWORD})["public_id"]

    def log_in(self, password=PASSWORD, email="ada@example.com"):
        """Returns an access token."""
        return self.call("POST", "/login", {"email": email, "password": password})["token"]

    def can_log_in(self, password=PASSWORD, email="ada@example.com"):
        return self.status_of_log_in(password, email) == 200

    def status_of_log_in(self, password, email):
        """Returns the status of a log-in, and 200 for each success."""
        try:
            self.log_in(password, email)
            return 200
        except HTTPError as refusal:
            return refusal.code

    def set_on_user(self, public_id, attribute, value):
        """Sets an attribute in the users table, as an operator does with the AWS CLI."""
        self._dynamodb(
            "UpdateItem", TableName="Users", Key={"public_id": {"S": public_id}}, UpdateExpression="SET #a = :v",
            ExpressionAttributeNames={"#a": attribute}, ExpressionAttributeValues={":v": value})

    def password_hashes(self):
        """Returns the stored hash for each email address."""
        items = self._dynamodb("Scan", TableName="Credentials")["Items"]
        return {item["email"]["S"]: item["password_hash"]["S"] for item in items}

    def count(self, table):
        return self._dynamodb("Scan", TableName=table)["Count"]

    def _dynamodb(self, operation, **arguments):
        return dynamodb(self.endpoint, operation, **arguments)


def dynamodb(endpoint, operation, **arguments):
    """Calls the embedded database, which accepts any signature."""
    scope = "local/20261122/us-east-1/dynamodb/aws4_request"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "X-Amz-Date": "20261122T000000Z",
    }
    request = urllib.request.Request(endpoint, json.dumps(arguments).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)
