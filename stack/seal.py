"""One JSON object with a checksum over its own text: what was altered on the disk is not read as truth."""

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

_SEALED = re.compile(rb'(.*),\n  "crc32": "([0-9a-f]{8})"\n\}\n', re.DOTALL)


def sealed(content: Mapping[str, Any]) -> bytes:
    """Write an object for people and programs, its last member the CRC-32 of all the bytes before it."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    body = text.removesuffix("\n}").encode()
    return body + b',\n  "crc32": "%08x"\n}\n' % zlib.crc32(body)


def unsealed(data: bytes) -> dict[str, Any]:
    """Read what `sealed` wrote; raises `ValueError` where it is not as it was written."""
    found = _SEALED.fullmatch(data)
    if found is None:
        raise ValueError("it does not end in its checksum: it was cut short, or written by somebody else")
    if b"%08x" % zlib.crc32(found[1]) != found[2]:
        raise ValueError("its checksum does not fit: it was altered on disk")
    content: dict[str, Any] = json.loads(found[1] + b"}")
    return content
