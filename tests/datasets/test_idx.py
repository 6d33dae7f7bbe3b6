import gzip
import hashlib
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ablation import UserError
from ablation.datasets.idx import IMAGES, LABELS, LARGEST, md5_of, read_idx
from tests.datasets.idx_files import packed_idx

ARRAY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def packed(*words: int, values: bytes = b"") -> bytes:
    return gzip.compress(struct.pack(f">{len(words)}I", *words) + values, mtime=0)


def refusal(path: Path, magic: int = IMAGES, md5: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        read_idx(path, magic, md5)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected ")
    assert ", found" in message
    assert "\n" not in message
    return message


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([1, 3]).flatmap(
        lambda axes: arrays(np.uint8, array_shapes(min_dims=axes, max_dims=axes, max_side=9))
    )
)
def test_what_is_written_is_read(array):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.gz")
        path.write_bytes(packed_idx(array))
        read = read_idx(path, LABELS if array.ndim == 1 else IMAGES)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array, strict=True)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_in_one_line_or_read_right(data):
    """Whatever single byte is changed or wherever the file is cut: never another error, never other values."""
    whole = bytearray(packed_idx(ARRAY))
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[place:]
    else:
        whole[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.gz")
        path.write_bytes(whole)
        try:
            # The bytes of gzip's own header for time, flags and system may change without harm.
            np.testing.assert_array_equal(read_idx(path, IMAGES), ARRAY)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_missing_file(tmp_path):
    assert "found none" in refusal(tmp_path / "absent.gz")


def test_folder_in_place_of_a_file(tmp_path):
    assert "found none" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "a header of 16 bytes, found 0 bytes"),
        (b"\0\0\x08\x03 plain bytes", "a sound gzip file"),
        (packed_idx(ARRAY)[:-9], "cut off"),
        (packed_idx(ARRAY)[:5], "cut off"),
        (packed_idx(ARRAY)[:-8] + bytes(8), "a sound gzip file"),
        (packed_idx(ARRAY) + b"and more", "a sound gzip file"),
        (packed(IMAGES), "a header of 16 bytes, found 4 bytes"),
        (gzip.compress(b"\0\0", mtime=0), "a header of 16 bytes, found 2 bytes"),
        (packed(LABELS, 3, values=b"abc"), "the magic number 0x00000803, found 0x00000801"),
        (packed(0x0D03, 1, 1, 1, values=bytes(4)), "found 0x00000d03"),
        (packed(IMAGES, 2, 2, 2, values=bytes(7)), "2 x 2 x 2 = 8 values as the header says, found 7"),
        (packed(IMAGES, 2, 2, 2, values=bytes(9)), "found more"),
        (packed(IMAGES, 0, 28, 28), "found 0 x 28 x 28"),
        (packed(IMAGES, 2**32 - 1, 2**32 - 1, 2**32 - 1), f"1 to {LARGEST} values"),
        # The product is 2**64: zero, were it counted in 64 bits.
        (packed(IMAGES, 2**31, 2**31, 4), f"1 to {LARGEST} values"),
    ],
)
def test_refused_files(tmp_path, content, found):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    assert found in refusal(path)


def test_damaged_deflate_stream(tmp_path):
    path = tmp_path / "file.gz"
    content = bytearray(gzip.compress(np.random.default_rng(0).bytes(2000), mtime=0))
    content[10] |= 0b110  # the block type that deflate reserves
    path.write_bytes(content)
    assert "found a damaged one" in refusal(path)


def test_a_file_that_unpacks_to_far_more_costs_no_memory(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(packed(IMAGES, 1, 2, 2, values=bytes(2**26)))
    assert path.stat().st_size < 2**17
    tracemalloc.start()
    try:
        assert "found more" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_checksum(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(packed_idx(ARRAY))
    right = hashlib.md5(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(read_idx(path, IMAGES, right), ARRAY)
    assert refusal(path, md5="0" * 32).endswith(f"with MD5 {'0' * 32}, found MD5 {right}")


def test_checksum_comes_before_unpacking(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(b"not even gzip")
    assert "MD5" in refusal(path, md5="0" * 32)


def test_md5_of_known_bytes(tmp_path):
    """The test suite of RFC 1321."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert md5_of(tmp_path / "abc") == "900150983cd24fb0d6963f7d28e17f72"


def test_real_file(real_mnist):
    labels = read_idx(real_mnist / "t10k-labels-idx1-ubyte.gz", LABELS, "ec29112dd5afa0611ce80d1b7f02629c")
    images = read_idx(real_mnist / "t10k-images-idx3-ubyte.gz", IMAGES, "9fb629c4189551a2d022fa330f9573f3")
    assert labels[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    assert images.shape == (10_000, 28, 28)
    # The first seven's topmost stroke, as in any print of the file.
    assert images[0, 7, 6:12].tolist() == [84, 185, 159, 151, 60, 36]
