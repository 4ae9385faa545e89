"""A Postern of one's own, and a site of somebody else."""

import functools
import http.server
import json
import re
import subprocess
import threading
import urllib.request

PASSWORD = "correct horse battery staple"


class Service:
    """The program `local` on free ports, over a database that is a process of its own, so that it can be lost."""

    def __init__(self, program, **settings):
        self._programs = []
        self._database = self._start(program, ["--dynamodb-only", "--dynamodb-port", "0"], r"^DynamoDB on (\S+)", settings)
        self.url = self._start(program, ["--port", "0", "--dynamodb-endpoint", self._database], r"^API on (\S+)", settings)

    def _start(self, program, options, address, settings):
        process = subprocess.Popen([program, *options], env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._programs.append(process)
        for line in process.stdout:
            found = re.match(address, line)
            if found:
                # Read on, so that it is never kept waiting.
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
        """Calls the API as a program would."""
        request = urllib.request.Request(self.url + path, json.dumps(fields).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def sign_up(self, name="Ada Lovelace", email="ada@example.com"):
        return self.post("/signup", name=name, email=email, password=PASSWORD)["public_id"]

    def can_log_in(self, password=PASSWORD, email="ada@example.com"):
        try:
            self.post("/login", email=email, password=password)
            return True
        except urllib.error.HTTPError:
            return False

    def set_on_user(self, public_id, attribute, value):
        """What an operator does with the AWS CLI."""
        self._dynamodb("UpdateItem", TableName="Users", Key={"public_id": {"S": public_id}}, UpdateExpression="SET #a = :v",
                       ExpressionAttributeNames={"#a": attribute}, ExpressionAttributeValues={":v": value})

    def count(self, table):
        return self._dynamodb("Scan", TableName=table)["Count"]

    def _dynamodb(self, operation, **arguments):
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            # Any key will do.
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            "X-Amz-Date": "20261122T000000Z",
        }
        with urllib.request.urlopen(urllib.request.Request(self._database, json.dumps(arguments).encode(), headers)) as answer:
            return json.load(answer)


class OtherSite:
    """A site of somebody else, which serves these pages by path."""

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
