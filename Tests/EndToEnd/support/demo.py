"""`claude-proxy demo`: the daemon with the simulated upstream."""

import re
import subprocess

from .proxy import binary, under_sanitizers


class Demo:
    """A running `claude-proxy demo`."""

    def __init__(self, directory, *arguments, **environment):
        self.process = subprocess.Popen(
            [binary(), "demo", *arguments], cwd=directory, stderr=subprocess.PIPE, text=True,
            env={**under_sanitizers(), **environment})
        self.addresses = re.search("listening on ([^;]*);", self.line("listening on"))[1]

    def line(self, words):
        for line in self.process.stderr:
            if words in line:
                return line
        raise AssertionError(words)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
