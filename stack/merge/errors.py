"""What can go wrong with a merge. Each error carries its facts as attributes.

MergeError
├── PhotoUnreadable      missing, damaged, cut short, or of a kind that is not read
├── SizesDiffer          the slices of a stack are of one size
├── AlignmentFailed      a slice cannot be laid over the others
├── SliceBlank           a slice is black, white or even all over
├── SliceInTheWay        one slice cannot be merged, and how to leave it out
├── NothingToMerge       no slice was given
├── TransformsUnreadable a file of transforms that is not one, or is for other slices
├── ClusterUnreachable   no scheduler, or nothing to reach one with
├── MemoryRefused        less memory is allowed than the merge takes
├── NoSuchVersion        a session has no merge of that number
├── ComparisonRefused    versions that show nothing in common
└── OutputRefused        the result cannot be written where it was asked for
"""

from pathlib import Path


class MergeError(Exception):
    """Anything a merge refuses or fails at."""


class PhotoUnreadable(MergeError):
    """A file does not hold a whole picture."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class SizesDiffer(MergeError):
    """A slice is not of the size (or depth of tone) of the first."""


class AlignmentFailed(MergeError):
    """A slice cannot be laid over the others; merging it unaligned would spoil the picture."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} cannot be aligned: {reason}")
        self.name = name
        self.reason = reason


class SliceBlank(MergeError):
    """A slice shows nothing: the lamp was off, or its light beyond what the camera takes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} shows nothing: it is black, white or even all over")
        self.name = name


class SliceInTheWay(MergeError):
    """One slice cannot be merged; the others could be."""

    def __init__(self, error: MergeError, index: int) -> None:
        super().__init__(f"{error}. Leave it out by --exclude {index}, or all that is bad by --skip-bad")
        self.index = index


class NothingToMerge(MergeError):
    """There is no slice, or too few of them."""


class TransformsUnreadable(MergeError):
    """A file does not say where these slices lie."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ClusterUnreachable(MergeError):
    """A batch cannot be spread over other machines."""


class MemoryRefused(MergeError):
    """What is allowed is less than a merge of these slices takes; nothing was begun."""

    def __init__(self, limit_bytes: int, needed_bytes: int, weighted_bytes: int | None = None) -> None:
        needed_mb = -(-needed_bytes // 1_000_000)
        instead = ""
        if weighted_bytes is not None and weighted_bytes <= limit_bytes:
            instead = f"merge by --method weighted, which takes {-(-weighted_bytes // 1_000_000)} MB, "
        super().__init__(
            f"merging these slices takes {needed_mb} MB, and {limit_bytes / 1e6:.0f} MB is allowed: "
            f"allow more (--memory {needed_mb}M, or merge.memory in config.yaml), {instead}"
            "or merge on another machine"
        )
        self.limit_bytes = limit_bytes
        self.needed_bytes = needed_bytes


class NoSuchVersion(MergeError):
    """A session has no merge of that number."""


class ComparisonRefused(MergeError):
    """Two versions of a session's merge cannot be shown side by side."""


class OutputRefused(MergeError):
    """The result cannot go where it was asked to go."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
