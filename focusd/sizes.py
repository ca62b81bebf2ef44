"""Room on a disk, as people read it."""


def size_words(size_bytes: float) -> str:
    """Write bytes for people: `500 MB`, `69 GB`; thousands, as disks are sold and `reserve_mb` is given."""
    return f"{size_bytes / 1e9:.0f} GB" if size_bytes >= 1e10 else f"{size_bytes / 1e6:.0f} MB"
