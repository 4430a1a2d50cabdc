#!/usr/bin/env python3
"""upstream.py PORT: an upstream that bills, caches and fails, for what is recorded of requests.

A model whose name begins with `fail/` gets an error, every other a streamed answer with a cost and
cached tokens. It thinks for a moment, so that its answers are the slowest to begin on any machine.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {
    "prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107, "cost": 0.25,
    "prompt_tokens_details": {"cached_tokens": 40},
}


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if request["model"].startswith("fail/"):
            self.answer(400, "application/json", json.dumps(
                {"error": {"message": "This model always fails", "code": 400}}))
            return
        time.sleep(0.3)
        chunk = {"id": "gen-0123456789", "model": request["model"]}
        events = [
            {**chunk, "choices": [{"index": 0, "delta": {"content": "Hello"}}]},
            {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {**chunk, "choices": [], "usage": USAGE},
        ]
        lines = [json.dumps(event) for event in events] + ["[DONE]"]
        self.answer(200, "text/event-stream", "".join(f"data: {line}\n\n" for line in lines))

    def answer(self, status, content_type, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Upstream).serve_forever()
