"""A published file, downloaded once, checked against its published checksum before anyone reads it."""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ablation import UserError
from ablation.datasets.idx import md5_of
from ablation.datasets.partial import partial_name

TIMEOUT = 30
"""Seconds to wait for a connection, and for the next bytes."""

REASONS = {
    "ConnectionError": "no connection to the host, or it was lost",
    "ConnectTimeout": f"the host did not answer within {TIMEOUT} seconds",
    "ReadTimeout": f"the host sent nothing for {TIMEOUT} seconds",
    "ChunkedEncodingError": "the connection broke off half way",
    "SSLError": "the host's certificate is not accepted",
}
"""What the download library's exceptions mean, by their names."""


def download(url: str, path: Path, md5: str) -> None:
    """Bring ``url`` to ``path`` with a progress bar on stderr, unless it lies there with the right checksum.

    The bytes go to a folder beside ``path``, from which they are moved there once the checksum is right, and which is
    removed in any case: ``path`` holds the published file, or what it held before.

    Args:
        url: an http or https address.
        path: where the file shall lie; its folder is made if need be.
        md5: the published checksum as hexadecimal digits.

    Raises:
        UserError: the host is not reached, refuses or breaks off, the file cannot be written, or its checksum is wrong.
    """
    if path.is_file() and md5_of(path) == md5:
        return
    # Imported here, since it brings an HTTP library that data which are at hand already do not need.
    import pooch

    def fetch(url: str, output_file: str, _: object) -> None:
        with ExitStack() as stack:

            def close_in_the_end(response: Any, **_: object) -> None:
                # The library leaves the connection open when the transfer breaks off.
                stack.callback(response.close)

            get = pooch.HTTPDownloader(
                progressbar=True,
                timeout=TIMEOUT,
                # The packed file shall stay packed, even if a server calls its packing a transfer encoding.
                headers={"Accept-Encoding": "identity"},
                hooks={"response": close_in_the_end},
            )
            get(url, output_file, None)
        if (found := md5_of(Path(output_file))) != md5:
            raise UserError(f"{url}: expected the published file, with MD5 {md5}, found MD5 {found}; nothing was kept")

    folder = partial_name(path)
    try:
        pooch.retrieve(url, known_hash=f"md5:{md5}", fname=path.name, path=folder, downloader=fetch)
        os.replace(folder / path.name, path)
    except OSError as error:
        # All the library's own exceptions are OSErrors; one that carries a response got as far as a status line.
        response = getattr(error, "response", None)
        if response is not None:
            reason = f"the host answered {response.status_code} {response.reason}"
        else:
            reason = REASONS.get(type(error).__name__, error.strerror or " ".join(str(error).split()))
        raise UserError(
            f"{url}: could not be downloaded: {reason}; if you have the files, set the level's folder to theirs"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
