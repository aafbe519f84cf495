"""The unpacked bytes of a file, hashed while they are read."""

import hashlib
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK_BYTES = 1 << 20


class HashedContent(io.RawIOBase):
    """A stream that knows how much of it was read, with which hash and which last byte.

    Closing it leaves the file open that it reads.
    """

    def __init__(self, source: io.RawIOBase | io.BufferedIOBase) -> None:
        super().__init__()
        self._source = source
        self._hash = hashlib.sha256()
        self.num_bytes = 0
        self.last_byte = b""

    @property
    def sha256(self) -> str:
        """The hash of all that was read so far."""
        return self._hash.hexdigest()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Return how many bytes were read into the buffer, 0 at the end."""
        size = self._source.readinto(buffer) or 0
        if size:
            read = memoryview(buffer)[:size]
            self._hash.update(read)
            self.num_bytes += size
            self.last_byte = bytes(read[-1:])
        return size

    def skip(self, num_bytes: int) -> bool:
        """Return whether that many bytes were there; they are read and hashed."""
        block = memoryview(bytearray(_BLOCK_BYTES))
        left = num_bytes
        while left:
            size = self.readinto(block[:left])
            if not size:
                return False
            left -= size
        return True
