"""What our pages are put together from. Each needs no other file, and whatever words are given stay text."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from stack.page_style import STYLE


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """Write a whole page of the parts that are not empty; `style` is what it has beside what all have."""
    body = "\n".join(part for part in parts if part)
    styles = "\n".join(filter(None, (STYLE, style)))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{styles}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def jpeg_source(picture: bytes) -> str:
    """Write a JPEG as the source of an image."""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


def sentences(title: str, kind: str, said: Sequence[str]) -> str:
    """Write what is said as a list in a frame of its own; nothing for nothing."""
    if not said:
        return ""
    items = "\n".join(f"<li>{escape(one)}</li>" for one in said)
    return f'<section class="{kind}">\n<h2>{escape(title)}</h2>\n<ul>\n{items}\n</ul>\n</section>\n'


def definitions(title: str, pairs: Mapping[str, object]) -> str:
    """Write terms and what they are in a frame of its own; nothing for nothing."""
    if not pairs:
        return ""
    rows = "\n".join(
        f"<dt>{escape(str(term))}</dt><dd>{escape(str(text))}</dd>" for term, text in pairs.items()
    )
    return f"<section>\n<h2>{escape(title)}</h2>\n<dl>\n{rows}\n</dl>\n</section>\n"


def folded_table(summary: str, titles: Sequence[str], rows: Iterable[str]) -> str:
    """Write a table that is shown when asked for; `rows` are written already."""
    heads = "".join(f"<th>{title}</th>" for title in titles)
    lines = "\n".join(rows)
    return f"""<details>
<summary>{summary}</summary>
<div class="wide"><table>
<thead><tr>{heads}</tr></thead>
{lines}
</table></div>
</details>"""


def keyed(kind: str, words: str) -> str:
    """Say what a colour of a drawing means; colour and words stay on one line."""
    return f'<span class="keyed"><span class="key {kind}"></span> {words}</span>'
