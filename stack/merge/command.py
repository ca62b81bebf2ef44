"""`focusctl merge`: merge photographs on a desktop or on the rig."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from stack.durable import write_durably
from stack.merge.arguments import among, parse, scales, settings_of
from stack.merge.batch import finished_before, here, run
from stack.merge.claim import claimed
from stack.merge.cluster import spread_over
from stack.merge.compare import differences, differing_places, headings, laid, sheet, versions
from stack.merge.depthview import coloured, upright
from stack.merge.errors import (
    AlignmentFailed,
    MergeError,
    NothingToMerge,
    OutputRefused,
    PhotoUnreadable,
    SliceBlank,
    SliceInTheWay,
    TransformsUnreadable,
)
from stack.merge.interrupts import ended_as_interrupted
from stack.merge.memory import WRITTEN_BYTES_A_PIXEL
from stack.merge.merging import Merging, Photo, Skipped
from stack.merge.output import check_output, check_size, write_picture
from stack.merge.photos import photo_shape
from stack.merge.placements import Placements, as_facts, placements_in
from stack.merge.products import NO_TAGS, Maps, export_aligned, picture_tags, save_version, write_slabs
from stack.merge.profiles import profile_warnings
from stack.merge.progress import Progress, Silence, listed
from stack.merge.record import as_json, describe
from stack.merge.selection import check_numbers, chosen, is_session, session_slices
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merged
from stack.merge.tags import CONFIDENCE, DEPTH_PREVIEW, depth_note, map_tags, orientation_of
from stack.merge.targets import report_of, spare, targets
from stack.merge.versions import choose

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
SEEN_FAR_FIRST = (
    "the first photograph is taken for the farthest, by what lies over what: say --near-first if it is not, "
    "or --far-first if --front-wins is to go by it"
)


class Daemon(Protocol):
    """What a running focusd does for a merge; `focusctl` hands it in."""

    def folder_of(self, session: str) -> Path:
        """Give a session's folder by what it may be called."""

    def redo(self, session: str, wanted: Mapping[str, object], as_json: bool) -> int | None:
        """Let the daemon merge a session anew, follow it, and give the exit code; None if it is not its own.

        `wanted` is the body of `POST /merge`, session aside.
        """


def main(argv: Sequence[str] | None = None, daemon: Daemon | None = None) -> int:
    """Run the command; give the exit code."""
    asked = parse(argv)
    progress = Progress(asked.json)
    try:
        with ended_as_interrupted():
            return _run(asked, daemon, progress)
    except KeyboardInterrupt:
        progress.close()
        return INTERRUPTED
    except MergeError as e:
        progress.fail(str(e))
        return FAILED


def _run(asked: argparse.Namespace, daemon: Daemon | None, progress: Progress) -> int:
    if asked.compare is not None:
        _compare(asked, daemon, progress)
    elif asked.choose is not None:
        session, number = asked.choose
        choose(_folder(session, daemon), int(number))
        progress.said(f"merged.* of {session} is merge {number}", event="merge_chosen", merge=int(number))
    elif asked.batch is not None:
        return _batch(asked, progress)
    elif asked.output is not None:
        _merge(asked, progress)
    else:
        return _redo(asked, daemon, progress)
    return DONE


def _batch(asked: argparse.Namespace, progress: Progress) -> int:
    merge = partial(_merge_once, asked=asked)
    spread = here(merge) if asked.scheduler is None else partial(spread_over, asked.scheduler, merge)
    tally = run(asked, progress, spread)
    names = f": {listed(tally.failed, most=20)}" if tally.failed else ""
    progress.said(
        f"{tally.merged} merged, {tally.skipped} skipped, {len(tally.failed)} failed{names}",
        event="batch_done",
        merged=tally.merged,
        skipped=tally.skipped,
        failed=len(tally.failed),
    )
    return FAILED if tally.failed else DONE


def _merge_once(session: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Merge a session unless somebody else did so since the batch began; give its facts."""
    with claimed(session):
        return finished_before(session, asked) or merge_session(session, asked, Silence())


def _compare(asked: argparse.Namespace, daemon: Daemon | None, progress: Progress) -> None:
    check_output(asked.output)
    name, *numbers = asked.compare
    session = _folder(name, daemon)
    compared = versions(session, [int(number) for number in numbers])
    heads = headings(compared, session)
    crops = sheet(heads, laid(compared), differing_places(laid(compared)))
    write_picture(asked.output, crops, NO_TAGS, asked.quality)
    told = differences(compared)
    alike = "" if any(told) else "; all are made of the same slices with the same settings"
    lines = [
        f"{asked.output}: where they differ most{alike}",
        *("; ".join(head.splitlines()) for head in heads),
    ]
    progress.said("\n  ".join(lines), event="merge_compared", file=str(asked.output), differences=told)


def _folder(session: str, daemon: Daemon | None) -> Path:
    if Path(session).is_dir():
        return Path(session)
    if daemon is None:
        raise NothingToMerge(f"{session}: no such folder")
    return daemon.folder_of(session)


def _redo(asked: argparse.Namespace, daemon: Daemon | None, progress: Progress) -> int:
    """Merge a session anew into its next merges/N: by the daemon, else, for a copy elsewhere, here."""
    if len(asked.photos) != 1:
        raise NothingToMerge("to merge photographs, say where to: -o sharp.jpg")
    given: Path = asked.photos[0]
    if given.is_dir() and not is_session(given):
        raise NothingToMerge(f"{given} is no session; to merge its photographs, say where to: -o sharp.jpg")
    if daemon is not None:
        code = daemon.redo(str(given), _request(asked), asked.json)
        if code is not None:
            return code
    if not given.is_dir():
        raise NothingToMerge(f"{given}: no such folder")
    if is_session(given):
        check_numbers(_numbers(asked), session_slices(given))
    merge_session(given, asked, progress)
    return DONE


def _request(asked: argparse.Namespace) -> dict[str, object]:
    """Give what was asked as the daemon takes it; what is as usual is left to its configuration."""
    flags = ("front_wins", "keep_borders", "skip_bad", "align", "even_light", "unveil")
    ranges = {
        name: [[one.start, one.stop - 1] for one in getattr(asked, name) or ()]
        for name in ("slices", "exclude")
    }
    values = {
        "method": asked.method,
        "memory_bytes": asked.memory,
        "quality": asked.quality,
        "um_per_slice": asked.um_per_slice,
        "um_per_px": asked.um_per_px,
    }
    told = {name: value for name, value in values.items() if value is not None}
    return {**told, **{flag: getattr(asked, flag) for flag in flags}, **ranges}


def merge_session(session: Path, asked: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Merge a session's slices into its next merges/N and choose it; give its facts. Raises `MergeError`."""
    settings, began_s = settings_of(asked), time.monotonic()
    photos = chosen([session], _wanted(asked), asked.skip_bad)
    photos = [Photo(photo.index, photo.path, f"slices/{photo.name}") for photo in photos]
    merging = _merged_in(photos, settings, asked, progress, far_first=False)
    um_per_slice, um_per_px = scales(asked, session)
    maps = Maps(um_per_slice, um_per_px)
    progress.doing("putting the picture together")
    merged = merging.finish(asked.bits, settled=maps.pack)
    facts = _facts(merged, merging, asked, began_s, um_per_slice)
    version = save_version(session, merged, facts, merging.photos[0].path, asked.quality, maps)
    choose(session, version.number)
    facts["outputs"] = [str(session / file) for file in version.files.values()]
    progress.done(facts)
    return facts


def _merge(asked: argparse.Namespace, progress: Progress) -> None:
    outputs = targets(asked)

    def check(found: Sequence[Photo]) -> None:
        check_numbers(_numbers(asked), found)
        spare(asked, outputs, [photo.path for photo in found])

    photos = chosen(asked.photos, _wanted(asked), asked.skip_bad, check, progress.passed_over)
    with suppress(PhotoUnreadable):  # of which the merge tells, or which it leaves out
        shape = photo_shape(photos[0].path)
        check_size(asked.output, shape.width_px, shape.height_px)
    settings, began_s = settings_of(asked), time.monotonic()
    if asked.far_first:
        photos = photos[::-1]
    session = asked.photos[0] if len(asked.photos) == 1 and is_session(asked.photos[0]) else None
    told = False if session and asked.far_first is None else asked.far_first
    merging = _merged_in(photos, settings, asked, progress, told)
    progress.doing("putting the picture together")
    merged = merging.finish(asked.bits, lambda done: progress.step("second look", done, len(merging.photos)))
    um_per_slice, um_per_px = scales(asked, session)
    facts = _facts(merged, merging, asked, began_s, um_per_slice)
    tags = picture_tags(merged, facts, merging.photos[0].path)
    _write_maps(asked, merged, orientation_of(tags), um_per_slice, um_per_px)
    made = [str(path) for path in outputs]
    if asked.export_aligned:
        exported = export_aligned(
            asked.export_aligned,
            merged,
            merging.photos,
            orientation_of(tags),
            lambda done, of: progress.step("aligned slice", done, of),
        )
        made += map(str, exported)
    if asked.slab:
        slabs = write_slabs(
            asked.output,
            merged,
            merging.photos,
            settings,
            bool(merging.far_first),
            asked.slab,
            asked.overlap or 0,
            facts,
            asked.quality,
        )
        for number, of, path in slabs:
            progress.step(f"slab {path.name}:", number, of)
            made.append(str(path))
    facts["seconds"] = round(time.monotonic() - began_s, 3)
    facts["outputs"] = made
    if asked.save_transforms:
        _write_json(asked.save_transforms, as_facts(facts))
    report = report_of(asked)
    _write_json(report, facts)
    try:
        write_picture(asked.output, merged.pixels, tags, asked.quality)
    except BaseException:
        report.unlink(missing_ok=True)  # it tells of a picture that is not there
        raise
    progress.done(facts)


def _write_maps(
    asked: argparse.Namespace,
    merged: Merged,
    orientation: int,
    um_per_slice: float | None,
    um_per_px: float | None,
) -> None:
    """Write what is known of depth, as far as that is asked for, so that a viewer turns it as the picture."""
    if asked.depth:
        tags = map_tags(depth_note(um_per_slice), orientation)
        write_picture(asked.depth, merged.depth, tags, asked.quality)
    if asked.confidence:
        write_picture(asked.confidence, merged.confidence, map_tags(CONFIDENCE, orientation), asked.quality)
    if asked.depth_preview:
        # With words below it, so it is turned itself.
        depth, confidence = (upright(plane, orientation) for plane in (merged.depth, merged.confidence))
        preview = coloured(depth, confidence, um_per_slice, um_per_px)
        write_picture(asked.depth_preview, preview, map_tags(DEPTH_PREVIEW), asked.quality)


def _merged_in(
    photos: Sequence[Photo],
    settings: MergeSettings,
    asked: argparse.Namespace,
    progress: Progress,
    far_first: bool | None,
) -> Merging:
    """Take all photographs in; what is left to do is to finish."""
    merging = Merging(
        settings,
        _placements(asked, photos),
        skip_bad=asked.skip_bad,
        limit_bytes=asked.memory,
        far_first=far_first,
        written=_written(asked),
    )
    for done, photo in enumerate(photos, start=1):
        try:
            placed = merging.add(photo)
        except (AlignmentFailed, PhotoUnreadable, SliceBlank) as e:
            raise SliceInTheWay(e, photo.index) from e
        if isinstance(placed, Skipped):
            progress.skipped(photo.name, placed.reason)
        else:
            progress.merged(done, len(photos), photo.name, placed.doubt)
    return merging


def _written(asked: argparse.Namespace) -> float:
    """Give how many bytes a pixel it takes to write what is asked for, beside the result."""
    wanted = {"deeper": asked.bits == 16, "preview": asked.depth_preview is not None}
    return max((WRITTEN_BYTES_A_PIXEL[what] for what, is_so in wanted.items() if is_so), default=0.0)


def _placements(asked: argparse.Namespace, photos: Sequence[Photo]) -> Placements | None:
    if asked.use_transforms is None:
        return None
    size, placements = placements_in(asked.use_transforms)
    shape = photo_shape(photos[0].path)
    if size != (shape.width_px, shape.height_px):
        raise TransformsUnreadable(
            asked.use_transforms,
            f"is for slices of {size[0]}x{size[1]}; these are {shape.width_px}x{shape.height_px}",
        )
    return placements


def _facts(
    merged: Merged,
    merging: Merging,
    asked: argparse.Namespace,
    began_s: float,
    um_per_slice: float | None,
) -> dict[str, Any]:
    facts = describe(
        merged,
        merging.settings,
        [photo.name if photo.name.startswith("slices/") else str(photo.path) for photo in merging.photos],
        time.monotonic() - began_s,
        merging.skipped,
        um_per_slice,
        None if merging.far_first is None else not merging.far_first,
        merging.memory,
    )
    facts["warnings"] += profile_warnings(merging.photos)
    if merging.far_first and asked.far_first is None:
        facts["warnings"].append(SEEN_FAR_FIRST)
    return facts


def _wanted(asked: argparse.Namespace) -> Callable[[int], bool]:
    return lambda index: (
        (asked.slices is None or among(asked.slices, index)) and not among(asked.exclude, index)
    )


def _numbers(asked: argparse.Namespace) -> list[range]:
    return [*(asked.slices or ()), *(asked.exclude or ())]


def _write_json(path: Path, facts: dict[str, Any]) -> None:
    try:
        write_durably(path, as_json(facts))
    except OSError as e:
        raise OutputRefused(path, f"cannot be written: {e.strerror or e}") from e
