"""What can be asked of a merge: one parser for `python -m stack.merge` and `focusctl merge`."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from stack.merge.memory import read_bytes
from stack.merge.photos import JPEG_SUFFIXES
from stack.merge.settings import AUTO, MergeSettings, Method, method_named
from stack.merge.versions import scales_of
from stack.number import is_number

EPILOG = """\
without -o a session is merged anew into its next merges/N: by the daemon where it keeps the session
exit codes: 0 done, 1 failed, 2 usage, 130 interrupted; of a session by the daemon also 3 refused, 5 no daemon
by the depth map: focusctl merge photos/ -o sharp.tif --method depthmap --depth depth.png
two versions: focusctl merge --compare SESSION 1 2 -o sheet.png"""

WITH_OUTPUT = (
    "depth",
    "confidence",
    "depth_preview",
    "report",
    "export_aligned",
    "slab",
    "save_transforms",
    "use_transforms",
    "bits",
    "far_first",
)
"""What is said of photographs only, not of a session that is merged anew into its own folder."""

MERGES_NOTHING = {"compare": ("output", "quality", "json"), "choose": ("json",)}
"""What is said beside these, which look at merges that are there."""

Ranges = tuple[range, ...]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read what was typed; ends the program with code 2 and a word of help where it makes no sense."""
    parser = _parser()
    asked = parser.parse_args(argv)
    modes = [asked.compare, asked.choose, asked.batch, asked.photos or None]
    if sum(mode is not None for mode in modes) != 1:
        parser.error("name photographs (or one session), or one of --compare, --choose and --batch")
    if asked.compare is not None:
        if len(asked.compare) < 3 or not all(is_number(word) for word in asked.compare[1:]):
            parser.error("--compare wants a session and at least two numbers of its merges: --compare 42 1 2")
        if asked.output is None:
            parser.error("--compare wants -o: where to put the sheet")
    if asked.choose is not None and not is_number(asked.choose[1]):
        parser.error("--choose wants a session and the number of one of its merges: --choose 42 2")
    for mode, taken in MERGES_NOTHING.items():
        unheeded = [] if getattr(asked, mode) is None else _said(asked, parser, {mode, *taken})
        if unheeded:
            parser.error(f"--{mode} merges nothing, so {unheeded[0]} would not be heeded; leave it out")
    if asked.overlap is not None and asked.slab is None:
        parser.error("--overlap says by how much slabs overlap; give --slab too")
    if asked.slab is not None and not (asked.slab >= 2 and 0 <= (asked.overlap or 0) < asked.slab):
        parser.error(
            "a slab has at least two slices (--slab 10), and overlaps by fewer than it has (--overlap 3)"
        )
    alone = [name for name in WITH_OUTPUT if getattr(asked, name) not in (None, False)]
    if alone and asked.output is None:
        parser.error(f"--{alone[0].replace('_', '-')} goes with -o, and photographs to merge")
    if asked.batch is not None and asked.output is not None:
        parser.error("--batch puts each picture into its session; leave out -o")
    if asked.bits == 16 and asked.output.suffix.lower() in JPEG_SUFFIXES:
        parser.error("a JPEG has 8 bits: name the picture .png or .tif for 16, or leave out --bits 16")
    if asked.memory is not None and (asked.export_aligned or asked.slab):
        parser.error("--memory is for the merge; --export-aligned and --slab take more beside it")
    if asked.use_transforms is not None and not asked.align:
        parser.error(
            "--use-transforms says where slices lie, --no-align that they lie as they are: leave out one"
        )
    if asked.scheduler is not None and asked.batch is None:
        parser.error("--scheduler spreads a batch over machines; give --batch")
    return asked


def _said(asked: argparse.Namespace, parser: argparse.ArgumentParser, apart_from: set[str]) -> list[str]:
    """Give the options that were typed, as far as they are not what they are without."""
    return [
        "--near-first"
        if (name, value) == ("far_first", False)
        else f"--{'no-' * (value is False)}{name.replace('_', '-')}"
        for name, value in vars(asked).items()
        if name not in apart_from and value not in ([], parser.get_default(name))
    ]


def settings_of(asked: argparse.Namespace) -> MergeSettings:
    """Give the settings that were asked for."""
    return MergeSettings(
        align=asked.align,
        even_light=asked.even_light,
        method=method_named(asked.method or AUTO),
        front_wins=asked.front_wins,
        keep_borders=asked.keep_borders,
        unveil=asked.unveil,
    )


def scales(asked: argparse.Namespace, session: Path | None) -> tuple[float | None, float | None]:
    """Give micrometres a slice and a pixel: as said, or as the session knows them."""
    um_per_slice, um_per_px = (None, None) if session is None else scales_of(session)
    return asked.um_per_slice or um_per_slice, asked.um_per_px or um_per_px


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add what every merge may be told, of photographs and of a session that is shot."""
    parser.add_argument(
        "--method",
        choices=[AUTO, *(str(method) for method in Method)],
        help="weighted (A): a mean, the sharper the weightier; depthmap (B, DMap): by the depth map, calm "
        "surfaces; pyramid (C, PMax): each scale by itself; auto: the best all-round (weighted)",
    )
    parser.add_argument(
        "--front-wins", action="store_true", help="where near and far parts overlap, take the near one"
    )
    parser.add_argument(
        "--keep-borders", action="store_true", help="the whole first slice, not only what all slices show"
    )
    parser.add_argument(
        "--no-align", dest="align", action="store_false", help="the photographs lie on each other already"
    )
    parser.add_argument(
        "--no-even-light", dest="even_light", action="store_false", help="leave brightness and colour alone"
    )
    parser.add_argument(
        "--no-unveil",
        dest="unveil",
        action="store_false",
        help="leave the blur of near parts over what is behind",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out slices that cannot be read or aligned, and say so"
    )
    parser.add_argument(
        "--memory",
        type=_memory,
        metavar="250M",
        help="take no more than this (auto: what is free); refused where that cannot be",
    )
    parser.add_argument("--quality", type=_quality, default=97, help="of a JPEG, 1 to 100 (97)")
    parser.add_argument("--um-per-slice", type=_micrometres, metavar="UM", help="the pitch, for depth in um")
    parser.add_argument("--um-per-px", type=_micrometres, metavar="UM", help="its scale, for a scale bar")


def numbers(text: str) -> Ranges:
    """Read `3-20,25`."""
    ranges = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not is_number(first) or (dash and not is_number(last)):
            raise argparse.ArgumentTypeError(f"{part!r} is neither a number nor a range such as 3-20")
        start, end = int(first), int(last or first)
        if end < start:
            raise argparse.ArgumentTypeError(f"the range {part} runs backwards")
        ranges.append(range(start, end + 1))
    return tuple(ranges)


def among(ranges: Iterable[range] | None, index: int) -> bool:
    """Say whether a number lies in one of the ranges."""
    return any(index in one for one in ranges or ())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="focusctl merge",
        description="Merge photographs focused at different distances into one that is sharp throughout.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "photos", nargs="*", type=Path, metavar="FOLDER|FILE|SESSION", help="a folder, a session, or files"
    )
    parser.add_argument("-o", "--output", type=Path, help=".jpg, .png or .tif")
    add_settings(parser)
    _add_choice(parser)
    _add_outputs(parser)
    _add_modes(parser)
    parser.add_argument("--json", action="store_true", help="progress and result as JSON lines on stdout")
    return parser


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which slices, and where they lie")
    group.add_argument(
        "--slices", type=numbers, metavar="3-20,25", help="only these, counted from 0 in name order"
    )
    group.add_argument("--exclude", type=numbers, metavar="7", help="all but these")
    order = group.add_mutually_exclusive_group()
    order.add_argument(
        "--far-first",
        action="store_true",
        default=None,
        help="the first photograph is the farthest; unveiling goes by it where that can be seen, too",
    )
    order.add_argument(
        "--near-first",
        dest="far_first",
        action="store_false",
        default=None,
        help="it is the nearest, whatever it looks like",
    )
    group.add_argument(
        "--use-transforms", type=Path, metavar="FILE", help="lay and light slices as an earlier merge did"
    )
    group.add_argument(
        "--save-transforms", type=Path, metavar="FILE", help="write where slices lie, for --use-transforms"
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what else to write")
    group.add_argument("--bits", type=int, choices=(8, 16), help="of the picture: as deep as the slices")
    group.add_argument("--depth", type=Path, help="the depth map (.png or .tif, 16 bit): 1 + 128 x slice")
    group.add_argument("--confidence", type=Path, help="how sure it is (.png or .tif, 8 bit)")
    group.add_argument("--depth-preview", type=Path, metavar="FILE", help="the depth map in colours")
    group.add_argument(
        "--report", type=Path, help="all about the merge (.json; sharp.jpg.merge.json beside -o)"
    )
    group.add_argument(
        "--export-aligned", type=Path, metavar="DIR", help="every slice aligned and lit alike, 16-bit TIFF"
    )
    group.add_argument("--slab", type=int, metavar="10", help="also a picture of each 10 slices, beside -o")
    group.add_argument("--overlap", type=int, metavar="3", help="slices that a slab shares with the next")


def _add_modes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("instead of merging photographs")
    group.add_argument(
        "--compare", nargs="+", metavar=("SESSION", "N"), help="crops of merges side by side (-o sheet.png)"
    )
    group.add_argument(
        "--choose", nargs=2, metavar=("SESSION", "N"), help="let the session's merged.* be merge N"
    )
    group.add_argument(
        "--batch", nargs="+", type=Path, metavar="ROOT", help="merge every session below that is not yet"
    )
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="spread a batch over the workers of a dask scheduler"
    )


def _memory(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        limit_bytes = read_bytes(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no amount of memory, such as 250M or 1.5G") from None
    if limit_bytes < 1_000_000 and not text[-1].isalpha():
        raise argparse.ArgumentTypeError(
            f"{text} without a unit is {limit_bytes} bytes, and no merge fits into that: write {text}M for "
            f"megabytes, or {text}G for gigabytes"
        )
    return limit_bytes


def _quality(text: str) -> int:
    if not is_number(text) or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 100")
    return int(text)


def _micrometres(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a length in micrometres, above 0")
    return value
