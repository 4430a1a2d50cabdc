"""Says bytes to a server and tells what came back, in one short line.

    200         an answer; the connection stays open and in step (a second request proves it)
    400!        an answer with `Connection: close`; then the connection ends without another byte
    100 200     an interim answer, then the answer
    200 400!    two answers
    -           the connection ended without an answer
    hang        nothing came in time, and the connection stayed
    desync      the server answered something that was not asked
"""

import re
import socket
import threading
import time

# Longer than any time-out of the daemons under test.
PATIENCE = 12.0

IN_STEP = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class _Stream:
    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)
        self.buffer = b""

    def send(self, data, ends, pause):
        """In the background: a server that has refused stops reading. `pause`: between bytes."""
        def run():
            try:
                if pause:
                    for index in range(len(data)):
                        self.socket.sendall(data[index : index + 1])
                        time.sleep(pause)
                else:
                    self.socket.sendall(data)
                if ends:
                    self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        threading.Thread(target=run, daemon=True).start()

    def fill(self):
        """False at the end."""
        data = self.socket.recv(1 << 16)
        self.buffer += data
        return bool(data)

    def until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                return None
        part, _, self.buffer = self.buffer.partition(mark)
        return part

    def take(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                raise EOFError
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def rest(self):
        while self.fill():
            pass
        return self.buffer

    def response(self, is_head=False):
        """Status, whether the connection ends with it, body; None at the end of the connection."""
        head = self.until(b"\r\n\r\n")
        if head is None:
            return None
        match = re.match(rb"HTTP/1\.1 (\d\d\d) ", head)
        if not match:
            return 0, True, head
        status = int(match[1])
        closes = re.search(rb"\r\nConnection: close(\r\n|$)", head, re.I) is not None
        if status < 200 or is_head:
            return status, False, b""
        if length := re.search(rb"\r\nContent-Length: (\d+)", head, re.I):
            return status, closes, self.take(int(length[1]))
        if re.search(rb"\r\nTransfer-Encoding: chunked", head, re.I):
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.take(size)
                self.take(2)
            self.take(2)
            return status, closes, body
        return status, True, self.rest()


def observe(address, data, answers=1, ends=False, pause=0.0, is_head=False):
    """What the server makes of `data`, of which `answers` answers are expected."""
    told = []
    try:
        stream = _Stream(address)
        stream.send(data, ends, pause)
        for _ in range(max(answers, 1)):
            answer = stream.response(is_head)
            if answer is None:
                return " ".join(told + ["-"]) if not told else " ".join(told) + "!"
            status, closes, _ = answer
            told.append(str(status))
            if closes:
                left = stream.rest()
                return " ".join(told) + ("!" if not left else " desync")
        if ends:
            left = stream.rest()
            return " ".join(told) + ("!" if not left else " desync")
        stream.send(IN_STEP, False, 0)
        answer = stream.response()
        if answer is None:
            return " ".join(told) + "!"
        in_step = answer[0] == 200 and not stream.buffer and (
            b'"status"' in answer[2] or answer[2] == b"ok")
        return " ".join(told) + ("" if in_step else " desync")
    except TimeoutError:
        return " ".join(told + ["hang"])
    except (ConnectionError, EOFError):
        return " ".join(told + ["-"]) if not told else " ".join(told) + "!"
    finally:
        stream.socket.close()
