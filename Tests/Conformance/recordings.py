"""Recorded traffic of real clients and upstreams, where a folder of it is at hand.

`RECORDINGS` names the folder; otherwise it is `shared` beside the clone. It has `captures/*.json`
(requests of clients) and `streams/*.sse` (bodies of upstreams). The recordings are not ours to give
away, so the repository has none of them, and without the folder these tests are skipped.
"""

import os
from pathlib import Path

import pytest

from support.proxy import ROOT

FOLDER = Path(os.environ.get("RECORDINGS") or ROOT.parent / "shared")


def recordings(pattern):
    """The parameters of a test: one for each file, or one that says why it is skipped."""
    paths = sorted(FOLDER.glob(pattern))
    if paths:
        return [pytest.param(path, id=path.stem) for path in paths]
    reason = f"there are no recordings {FOLDER / pattern}; RECORDINGS names their folder"
    return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="none")]
