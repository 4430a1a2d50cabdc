"""What the program is made of."""

import re
import subprocess
from pathlib import Path

import pytest

from support.proxy import ROOT, binary

FOUNDATION = re.compile(r"\S*(?:10Foundation|20FoundationEssentials)\S*")


def modules():
    """Our Swift modules, but for the executable: its argument parser brings Foundation in."""
    folders = [path for path in (ROOT / "Sources").iterdir() if any(path.rglob("*.swift"))]
    return sorted(path.name for path in folders if path.name != "claude-proxy")


def uses_of_foundation(build):
    """The symbols of Foundation that a module's objects name."""
    objects = sorted(build.glob("*.o"))
    assert objects
    symbols = subprocess.run(
        ["nm", "--format=just-symbols", *objects], capture_output=True, text=True,
        check=True).stdout
    return FOUNDATION.findall(symbols)


@pytest.mark.parametrize("module", modules())
def test_a_module_uses_nothing_of_foundation(module):
    build = Path(binary()).parent / f"{module}.build"
    if not build.exists():
        pytest.skip("the program was not built here")
    assert uses_of_foundation(build) == []


def test_the_check_would_find_foundation():
    # The argument parser does use it, and it is linked in.
    build = Path(binary()).parent / "ArgumentParser.build"
    if not build.exists():
        pytest.skip("the program was not built here")
    assert uses_of_foundation(build)


@pytest.mark.release
def test_the_program_loads_no_library_of_swift():
    dynamic = subprocess.run(
        ["readelf", "-d", binary()], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*?)\]", dynamic)
    assert needed and not [name for name in needed if re.search("swift|Foundation|icu", name)]
