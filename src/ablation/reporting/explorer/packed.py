"""Tables of numbers as text in a page: rounded to whole numbers, differenced, gzipped, in base64.

What neighbours have in common, along a line's times or probes, leaves small differences, of which gzip makes little:
two million numbers of the core study come to a megabyte. The script beside this file reads it again.

Layout: the length of the header in four bytes, little-endian; the header, JSON; then every field of it in turn. A field
is an array of whole numbers: 0 where there is none, else 1 + the rounded value - ``base``. Differences along the last
axis, the first from 0, are made positive (2d, or -2d - 1) and written as ``planes`` of their bytes, lowest first.
"""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ablation.reporting.statistics.intervals import Ints


@dataclass(frozen=True)
class Field:
    """A quantity of every line, and the parts into which its unit is divided where it is rounded."""

    name: str
    values: npt.NDArray[Any]
    parts: float


@dataclass(frozen=True)
class Stored:
    """A field as whole numbers, 0 where it has none."""

    name: str
    numbers: Ints
    parts: float
    base: int


def stored(field: Field) -> Stored:
    """The field rounded."""
    known = np.isfinite(field.values)
    whole = np.rint(np.where(known, field.values, 0) * field.parts).astype(np.int64)
    base = int(whole[known].min()) if known.any() else 0
    return Stored(field.name, np.where(known, whole - base + 1, 0), field.parts, base)


def distinct(fields: Sequence[Stored]) -> tuple[Ints, Ints]:
    """Of lines that are the same in all fields the first, and for each line the place of its like among these."""
    size = len(fields[0].numbers)
    table = np.concatenate([field.numbers.reshape(size, -1) for field in fields], axis=1)
    seen: dict[bytes, int] = {}
    place = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in table], dtype=np.int64)
    return np.unique(place, return_index=True)[1].astype(np.int64), place


def planes(numbers: Ints) -> list[bytes]:
    """Differences along the last axis, as planes of bytes."""
    change = np.diff(numbers, axis=-1, prepend=0)
    positive = np.where(change < 0, -2 * change - 1, 2 * change)
    count = max(1, -(-int(positive.max(initial=0)).bit_length() // 8))
    return [((positive >> (8 * plane)) & 255).astype(np.uint8).tobytes() for plane in range(count)]


def packed(header: Mapping[str, Any], fields: Sequence[Stored]) -> str:
    """The header with these fields, as text."""
    content, described = [], []
    for field in fields:
        parts = planes(field.numbers)
        described.append(
            {"name": field.name, "shape": list(field.numbers.shape), "planes": len(parts)}
            | {"parts": field.parts, "base": field.base}
        )
        content += parts
    told = json.dumps({**header, "fields": described}, separators=(",", ":"), allow_nan=False).encode("ascii")
    whole = len(told).to_bytes(4, "little") + told + b"".join(content)
    return base64.b64encode(gzip.compress(whole, 9, mtime=0)).decode("ascii")
