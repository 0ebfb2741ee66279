"""Restores for tests of clients: an earlier copy of a data folder takes its place, with another history."""

import shutil
import uuid


def crc32c(data):
    """The checksum of the texts in a data folder."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def write(path, text):
    path.write_text(f"{text}crc32c {crc32c(text.encode()):08x}\n")


def restore(copy, data, after):
    """Puts the copy of a store that ends with this position in its place. The page FORMAT.md has the two files."""
    shutil.rmtree(data)
    shutil.copytree(copy, data)
    store = next(line for line in (data / "STORE").read_text().splitlines() if line.startswith("store "))
    write(data / "HISTORY", f"{store}\nbranch {uuid.uuid4().hex} after {after}\n")
    write(data / "STORE", f"handover\nformat 2\n{store}\n")
