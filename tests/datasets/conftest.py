"""Made-up halves, the real test half of MNIST, and a web server that can misbehave."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.idx_files import write_half


@pytest.fixture
def own_folder(tmp_path):
    """Two halves of made-up 4 x 3 images, ten and five of each class."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "own"
    for half, each in (("train", 10), ("t10k", 5)):
        labels = np.repeat(np.arange(10, dtype=np.uint8), each)
        write_half(folder, half, rng.integers(0, 256, (10 * each, 4, 3), dtype=np.uint8), labels)
    return folder


@pytest.fixture(scope="session")
def real_mnist() -> Path:
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
    if not (folder / "t10k-images-idx3-ubyte.gz").is_file():
        pytest.skip("the real MNIST files are not in ../shared/data/mnist")
    return folder


@dataclass
class Server:
    """Serves ``bodies`` by path; of a path in ``cut``, only the first half of the bytes that it announced."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            state.requests.append(self.path)
            body = state.bodies.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            # Some servers call a packed file's packing a transfer encoding when they are asked for one.
            if "gzip" in self.headers.get("Accept-Encoding", ""):
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path in state.cut else body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{http.server_address[1]}"
        yield state
        http.shutdown()
        thread.join()
