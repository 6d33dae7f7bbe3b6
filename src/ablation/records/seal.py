"""What tells that the files of ``results/<study>/`` are whole and of one run: their digests, in the manifest.

``digests`` has the SHA-256 of each file, and ``digest`` that of the manifest's own content, whatever its layout. A
file that was damaged, or left by another run, has another digest.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def sealed(manifest: Mapping[str, Any], folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """Return the manifest with the digests of the files of these names in ``folder``, and its own."""
    digests = {}
    for name in names:
        with (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    content = {**manifest, "digests": digests}
    return {**content, "digest": _own_digest(content)}


def is_sound(manifest: Mapping[str, Any]) -> bool:
    """Say whether a manifest holds what it held when it was sealed."""
    try:
        return bool(manifest["digest"] == _own_digest(manifest))
    except ValueError:  # a number that is none, which was not in it
        return False


def is_file_of(manifest: Mapping[str, Any], name: str, content: bytes) -> bool:
    """Say whether ``content`` is that of the file of this name when the manifest was sealed."""
    return bool(manifest["digests"].get(name) == hashlib.sha256(content).hexdigest())


def _own_digest(manifest: Mapping[str, Any]) -> str:
    # As JSON gives it back: keys that are numbers become words, which sort in another order.
    content = json.loads(json.dumps({key: value for key, value in manifest.items() if key != "digest"}))
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()
