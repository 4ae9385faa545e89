"""A website of another origin."""

import functools
import http.server
import threading


class OtherSite:
    """Serves these pages, by path, on a free port."""

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
