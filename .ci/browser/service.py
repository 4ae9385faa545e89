"""Starts a service for a test, and a second web site that attacks it."""

import functools
import http.server
import json
import re
import subprocess
import threading
import urllib.request

PASSWORD = "correct horse battery staple"


class Service:
    """The program `local` on free ports. The database is a separate process, so a test can stop it."""

    def __init__(self, program, **settings):
        self._programs = []
        options = ["--dynamodb-only", "--dynamodb-port", "0"]
        self._database = self._start(program, options, r"^DynamoDB on (\S+)", settings)
        options = ["--port", "0", "--dynamodb-endpoint", self._database]
        self.url = self._start(program, options, r"^API on (\S+)", settings)

    def _start(self, program, options, address, settings):
        process = subprocess.Popen([program, *options], env=settings, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._programs.append(process)
        for line in process.stdout:
            found = re.match(address, line)
            if found:
                # Keep reading, so that a full pipe does not block the process.
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return found[1]
        raise RuntimeError(f"{program} did not start")

    def lose_database(self):
        self._programs[0].kill()
        self._programs[0].wait()

    def stop(self):
        for process in self._programs:
            process.kill()
            process.wait()
            process.stdout.close()

    def post(self, path, **fields):
        """Calls the JSON API."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(fields).encode(), headers)
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def sign_up(self, name="Ada Lovelace", email="ada@example.com"):
        return self.post("/signup", name=name, email=email, password=PASSWORD)["public_id"]

    def can_log_in(self, password=PASSWORD, email="ada@example.com"):
        try:
            self.post("/login", email=email, password=password)
            return True
        except urllib.error.HTTPError:
            return False

    def set_on_user(self, public_id, attribute, value):
        """Sets an attribute of a user, as an operator does with the AWS CLI."""
        self._dynamodb("UpdateItem", TableName="Users", Key={"public_id": {"S": public_id}},
                       UpdateExpression="SET #a = :v", ExpressionAttributeNames={"#a": attribute},
                       ExpressionAttributeValues={":v": value})

    def count(self, table):
        return self._dynamodb("Scan", TableName=table)["Count"]

    def _dynamodb(self, operation, **arguments):
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            # The local database accepts any key.
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/dynamodb/aws4_request, "
                             "SignedHeaders=host, Signature=0",
            "X-Amz-Date": "20261122T000000Z",
        }
        request = urllib.request.Request(self._database, json.dumps(arguments).encode(), headers)
        with urllib.request.urlopen(request) as response:
            return json.load(response)


class OtherSite:
    """A web site of another origin, which serves pages by path."""

    def __init__(self, pages):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Page, pages))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class _Page(http.server.BaseHTTPRequestHandler):
    def __init__(self, pages, *arguments):
        self._pages = pages
        super().__init__(*arguments)

    def do_GET(self):
        page = self._pages.get(self.path)
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write((page or "").encode())

    def log_message(self, *_):
        pass
