import hashlib
import socket

import pytest

from ablation import UserError
from ablation.datasets.download import download
from tests.datasets.idx_files import files_under

BODY = bytes(range(256)) * 64
MD5 = hashlib.md5(BODY).hexdigest()


def refusal(url, path, md5=MD5):
    with pytest.raises(UserError) as caught:
        download(url, path, md5)
    message = str(caught.value)
    assert message.startswith(f"{url}: ")
    assert "\n" not in message
    return message


def test_success_shows_progress_and_is_kept(server, tmp_path, capfd):
    server.bodies["/a.gz"] = BODY
    path = tmp_path / "raw" / "kind" / "a.gz"
    download(f"{server.url}/a.gz", path, MD5)
    assert path.read_bytes() == BODY
    assert files_under(tmp_path) == ["raw/kind/a.gz"]
    assert "100%" in capfd.readouterr().err
    download(f"{server.url}/a.gz", path, MD5)
    assert server.requests == ["/a.gz"]


def test_a_damaged_file_is_downloaded_again(server, tmp_path):
    server.bodies["/a.gz"] = BODY
    path = tmp_path / "a.gz"
    path.write_bytes(BODY[:100])
    download(f"{server.url}/a.gz", path, MD5)
    assert path.read_bytes() == BODY


def test_wrong_checksum(server, tmp_path):
    server.bodies["/a.gz"] = BODY + b"!"
    message = refusal(f"{server.url}/a.gz", tmp_path / "a.gz")
    assert MD5 in message
    assert hashlib.md5(BODY + b"!").hexdigest() in message
    assert files_under(tmp_path) == []


def test_not_found(server, tmp_path):
    assert "the host answered 404 Not Found" in refusal(f"{server.url}/a.gz", tmp_path / "a.gz")
    assert files_under(tmp_path) == []


def test_cut_off_half_way(server, tmp_path):
    server.bodies["/a.gz"] = BODY
    server.cut.add("/a.gz")
    assert "broke off half way" in refusal(f"{server.url}/a.gz", tmp_path / "a.gz")
    assert files_under(tmp_path) == []


def test_a_failed_download_leaves_the_older_file(server, tmp_path):
    (tmp_path / "a.gz").write_bytes(b"older")
    refusal(f"{server.url}/a.gz", tmp_path / "a.gz")
    assert (tmp_path / "a.gz").read_bytes() == b"older"
    assert files_under(tmp_path) == ["a.gz"]


def test_no_host(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: nobody answers, and nobody else can take the port
        message = refusal(f"http://127.0.0.1:{unused.getsockname()[1]}/a.gz", tmp_path / "a.gz")
    assert "no connection to the host" in message
    assert files_under(tmp_path) == []


def test_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "raw").write_text("a file where a folder is wanted")
    refusal(f"{server.url}/a.gz", tmp_path / "raw" / "a.gz")
    assert server.requests == []
