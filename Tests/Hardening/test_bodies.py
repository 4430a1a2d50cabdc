"""The tables of bodies against the daemon. Never a 500, a crash or a hang, and memory within a
bound."""

import time

import pytest

from body_cases import FULL, MIB, MORE, SECTIONS, bomb, far_numbers, wrong_types
from conftest import House
from support.client import JSON_FIELDS

ROWS = [(section, row) for section, rows in SECTIONS.items() for row in rows]
TYPES, FAR = list(wrong_types()), list(far_numbers())
# Several times the largest body: the request, its tape, its translation, libcurl's copy.
RISE_MAX = 96 * MIB


def send(house, data, gzip=False):
    fields = {"content-encoding": "gzip"} if gzip else {}
    return house.proxy.post(data, fields)


def is_well(house):
    assert send(house, SECTIONS["gzip"][0].data, gzip=True).status == 200


@pytest.mark.parametrize("body", [FULL, MORE], ids=["full", "more"])
def test_the_full_request_is_good(house, body):
    """Else the rows below would be refused for another reason."""
    response = house.proxy.post(body)
    assert response.status == 200, response.body


@pytest.mark.parametrize(("section", "row"), ROWS, ids=[f"{s}: {row.name}" for s, row in ROWS])
def test_the_table(house, section, row):
    data = bomb() if "bomb" in row.name else row.data
    seen, before = len(house.upstream.requests), time.monotonic()
    response = send(house, data, row.gzip)
    assert response.status in row.want, response.body[:300]
    if response.status != 200:
        assert row.says in response.error["message"]
        assert len(response.body) < 4096, "an error does not carry the request back"
    asked = len(house.upstream.requests) - seen
    assert asked == (1 if response.status == 200 else 0)
    if asked:
        house.upstream.requests[-1].json  # What is sent on is JSON.
    assert time.monotonic() - before < 10
    is_well(house)


@pytest.mark.parametrize(("path", "kind", "data"), TYPES, ids=[f"{p} as {k}" for p, k, _ in TYPES])
def test_a_wrong_type_is_named(house, path, kind, data):
    seen = len(house.upstream.requests)
    response = house.proxy.post(data)
    assert (response.status, response.error["type"]) == (400, "invalid_request_error")
    assert response.error["message"].startswith(path), response.error["message"]
    assert len(house.upstream.requests) == seen


@pytest.mark.parametrize(("path", "text", "data"), FAR, ids=[f"{p}={t}" for p, t, _ in FAR])
def test_a_far_number_does_no_harm(house, path, text, data):
    response = house.proxy.post(data)
    assert response.status in (200, 400), response.body
    if response.status == 400:
        assert response.error["message"].startswith(path.split(".")[0])
    is_well(house)


def test_memory_comes_back(tmp_path):
    """The heaviest bodies one after the other, then the daemon at rest."""
    house = House(tmp_path / "house")
    try:
        is_well(house)
        before = house.proxy.memory()
        for row in SECTIONS["large"] + SECTIONS["deep"]:
            send(house, row.data, row.gzip)
            house.upstream.requests.clear()
        send(house, bomb(), gzip=True)
        peak, after = house.proxy.memory("VmHWM") - before, house.proxy.memory() - before
        print(f"peak +{peak / MIB:.1f} MiB, at rest +{after / MIB:.1f} MiB")
        assert peak < RISE_MAX
        assert after < 16 * MIB
    finally:
        house.close()
