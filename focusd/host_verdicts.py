"""What the doctor says of the machine that focusd runs on: pure functions from facts to plain words."""

from collections.abc import Iterator, Mapping

from camera.memory import Memory
from focusd.host import Mount
from focusd.verdicts import Health, Verdict
from stack.vitals import Limits, Vitals, strain

SLOW_BYTES_S = 5e6
"""A card below this makes stacks wait for it: a JPEG of 12 megapixels takes a second."""

SMALL_CMA_BYTES = 128 * 2**20
"""Less contiguous memory than this does not hold two frames of 12 megapixels and their previews."""

_PASSING = ("tmpfs", "ramfs", "overlay")
_UNFIT = ("vfat", "exfat", "ntfs", "ntfs3", "fuseblk")
_AFAR = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs")


def of_clock(was_set: bool) -> Verdict:
    """Judge whether dates will be right."""
    if was_set:
        return Verdict("clock", Health.GOOD, "set")
    words = "nobody has set it since the start: sessions are numbered right, and may be dated wrongly"
    return Verdict("clock", Health.DOUBTFUL, words, "connect it to a network once, or fit a clock chip")


def of_mount(folder: str, mount: Mount | None) -> Iterator[Verdict]:
    """Judge what sessions are written to."""
    if mount is None:
        return
    words = f"{folder} lies on {mount.device} ({mount.kind})"
    if not mount.writable:
        remedy = "see dmesg: a failing disk is made read-only; fsck it, or replace it"
        yield Verdict("mount", Health.BAD, f"{words}, which may only be read", remedy)
    elif mount.kind in _UNFIT:
        remedy = "format it as ext4: this kind knows no links, and a power cut may take much of it"
        yield Verdict("mount", Health.BAD, words, remedy)
    elif mount.kind in _PASSING:
        remedy = "storage.sessions on a disk"
        yield Verdict("mount", Health.DOUBTFUL, f"{words}: what is shot is gone at power off", remedy)
    elif mount.kind in _AFAR:
        remedy = "shoot to a disk of its own, and let delivery copy it"
        yield Verdict("mount", Health.DOUBTFUL, f"{words}: a network that is slow holds up the stack", remedy)
    else:
        yield Verdict("mount", Health.GOOD, words)


def of_disk_speed(bytes_s: float | None) -> Verdict:
    """Judge how fast slices get to the disk; None: a trial could not be written."""
    if bytes_s is None:
        return Verdict("disk speed", Health.BAD, "a trial could not be written", "see the disk's permissions")
    words = f"{bytes_s / 1e6:.1f} MB a second, each file made safe"
    if bytes_s < SLOW_BYTES_S:
        remedy = "a card of class A1 or better, or an SSD by USB"
        return Verdict("disk speed", Health.DOUBTFUL, f"{words}: stacks will wait for it", remedy)
    return Verdict("disk speed", Health.GOOD, words)


def of_memory(memory: Memory) -> Verdict:
    """Judge what the camera and the merge have to do with."""
    words = f"{memory.total_bytes / 2**20:.0f} MiB"
    if memory.cma_total_bytes is None:
        return Verdict("memory", Health.GOOD, words)
    words += f", of which {memory.cma_total_bytes / 2**20:.0f} MiB contiguous, for the camera's frames"
    if memory.cma_total_bytes < SMALL_CMA_BYTES:
        remedy = "dtoverlay=vc4-kms-v3d,cma-256 in /boot/firmware/config.txt"
        return Verdict("memory", Health.DOUBTFUL, f"{words}: large frames will not fit", remedy)
    return Verdict("memory", Health.GOOD, words)


def of_vitals(vitals: Vitals, limits: Limits) -> Iterator[Verdict]:
    """Judge heat and supply, as far as the board tells of them."""
    if vitals.temperature_c is not None:
        words = f"{vitals.temperature_c:.0f} °C"
        if strain(Vitals(temperature_c=vitals.temperature_c), limits):
            remedy = "a heat sink, a fan, or shade; until then it rests between slices"
            yield Verdict("temperature", Health.BAD, words, remedy)
        else:
            yield Verdict("temperature", Health.GOOD, words)
    if vitals.under_voltage:
        remedy = "a stronger supply and a shorter cable; the motor wants a supply of its own"
        yield Verdict("supply", Health.BAD, "the voltage is too low: the motor may lose steps", remedy)
    elif vitals.under_voltage is False:
        yield Verdict("supply", Health.GOOD, "the voltage is high enough")


def of_versions(versions: Mapping[str, str], python: str) -> Verdict:
    """Say what runs here."""
    words = ", ".join((f"Python {python}", *(f"{name} {version}" for name, version in versions.items())))
    return Verdict("versions", Health.GOOD, words)
