"""An upstream that is a process of its own, so that it can be killed, stopped and slowed.

    python3 named_upstream.py NAME PORT MOODS

It answers chat completions with its name, by the mood that stands in the file MOODS: `well`, `slow`
(two seconds before the first byte), or a status such as `402`.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, PORT, MOODS = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        mood = MOODS.read_text().strip()
        with open(f"{MOODS}.asked", "a") as asked:
            key = self.headers.get("authorization", "")
            asked.write(f"{request['model']} {key}\n")
        if mood.isdigit():
            return self.refuse(int(mood))
        if mood == "slow":
            time.sleep(2)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        # The last pieces go out with the first, so that hardly an answer is cut in its midst.
        text = b"".join(
            b"data: " + json.dumps(value).encode() + b"\n\n"
            for value in [
                {"id": "g", "choices": [{"index": 0, "delta": {"content": NAME}}]},
                {"id": "g", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": 9, "completion_tokens": 1}},
            ]) + b"data: [DONE]\n\n"
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text))

    def refuse(self, status):
        body = json.dumps({"error": {"code": status, "message": f"{NAME} says {status}"}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


Server(("127.0.0.1", PORT), Handler).serve_forever()
