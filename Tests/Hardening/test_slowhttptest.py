"""slowhttptest (Debian) in its four modes: the attacks that hold a server's connections by
slowness."""

import os
import re
import shutil
import subprocess
import time

import pytest

from http_cases import GOOD
from raw import observe
from support.answers import STREAM_HEAD, ending, piece

CONNECTIONS = 300
SECONDS = 8
MODES = {
    "slow heads (-H)": ["-H", "-i", "1"],
    "slow bodies (-B)": ["-B", "-i", "1", "-s", "8192", "-f", "application/json"],
    "overlapping ranges (-R)": ["-R", "-a", "10", "-b", "3000"],
    "slow reading (-X)": ["-X", "-w", "1", "-y", "8", "-n", "1", "-z", "8", "-k", "3"],
}


@pytest.mark.parametrize("mode", MODES)
def test_the_daemon_serves_meanwhile_and_recovers(open_house, mode):
    if not shutil.which("slowhttptest"):
        pytest.skip("needs slowhttptest")
    house = open_house(HEAD_TIMEOUT="3s", BODY_TIMEOUT="3s", IDLE_TIMEOUT="3s",
                       MAX_CONNECTIONS="2000")
    assert observe(house.proxy.address, GOOD) == "200"
    files = len(os.listdir(f"/proc/{house.proxy.process.pid}/fd"))
    before = house.proxy.memory()
    attack = subprocess.Popen(
        ["slowhttptest", *MODES[mode], "-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l",
         str(SECONDS),
         "-u", f"{house.proxy.url}/v1/models", "-t", "POST" if "-B" in mode else "GET", "-p", "3"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        slowest, asked, deadline = 0.0, 0, time.monotonic() + SECONDS + 4
        while attack.poll() is None and time.monotonic() < deadline:
            began = time.monotonic()
            assert observe(house.proxy.address, GOOD) == "200", "no service under attack"
            slowest, asked = max(slowest, time.monotonic() - began), asked + 1
            time.sleep(0.1)
        rise = house.proxy.memory("VmHWM") - before
        print(f"{asked} requests served meanwhile, the slowest in {slowest * 1000:.0f} ms; +{rise >> 10} KiB")
        assert asked > 5 and slowest < 2
        assert rise < 16 << 20
    finally:
        attack.kill()
        output = attack.communicate()[0]
    assert "service available:   NO" not in re.sub("\x1b\\[[0-9;]*m", "", output)
    deadline = time.monotonic() + 15
    while len(os.listdir(f"/proc/{house.proxy.process.pid}/fd")) > files + 4:
        assert time.monotonic() < deadline, "connections of the attack are still there"
        time.sleep(0.05)
