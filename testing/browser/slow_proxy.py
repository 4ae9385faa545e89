"""A proxy between a browser and the service that delays the responses of one path."""

import http.client
import http.server
import threading
import time
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


class SlowProxy:
    """Forwards requests to `target`. A response to `path` is held back for `delay` seconds.

    `served` counts the requests to `path` that the target has answered. Wait for it with `wait_for`.
    """

    def __init__(self, target, path, delay):
        self._target, self._path, self._delay = urlsplit(target).netloc, path, delay
        self._served, self._changed = [], threading.Condition()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, count, timeout=30):
        """Waits until the target has answered `count` requests to the path, and returns their statuses."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._served) >= count, timeout):
                raise TimeoutError(f"{len(self._served)} of {count} requests to {self._path} were answered")
            return list(self._served)

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection(self._target, timeout=30)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if path.split("?")[0] == self._path:
            with self._changed:
                self._served.append(response.status)
                self._changed.notify_all()
            time.sleep(self._delay)
        return response.status, response.getheaders(), content

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    proxy = None

    def _respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, headers, content = self.proxy.forward(self.command, self.path, dict(self.headers.items()), body)
        try:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The browser has stopped.

    do_GET = do_POST = _respond

    def log_message(self, *_):
        pass
