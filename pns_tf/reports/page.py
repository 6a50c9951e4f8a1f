"""HTML pages: one file with everything in it, readable without a server."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

STYLE = """
:root { --ink: #1d2329; --soft: #5b6570; --line: #dfe3e8; --paper: #ffffff; --back: #f5f6f8; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header p, figcaption, .note { color: var(--soft); }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
p { margin: .4rem 0; }
nav a { margin-right: 1rem; color: #0b62a8; }
section > div, figure, .finding { background: var(--paper); border: 1px solid var(--line);
  border-radius: 10px; }
section > div { overflow-x: auto; }
figure { margin: 0 0 1.25rem; padding: 1rem; overflow-x: auto; }
figure img { display: block; height: auto; max-width: max(100%, 44rem); margin: 0 auto; }
figcaption { text-align: center; margin-top: .5rem; font-size: .92rem; }
.finding { padding: .7rem 1rem; margin-bottom: .6rem; }
.finding p { margin: 0; }
.verdict { display: inline-block; min-width: 7.5rem; margin-right: .6rem; padding: .05rem .6rem;
  border-radius: 99px; text-align: center; font-size: .82rem; font-weight: 600; }
.confirmed { background: #d9efe3; color: #07543a; }
.contradicted { background: #fbdfd3; color: #8a3200; }
.undecided { background: #fdf0c8; color: #6b4e00; }
.not-run { background: #e8eaed; color: #4a525a; }
summary, .finding .note { color: var(--soft); font-size: .92rem; margin-top: .25rem; }
summary { cursor: pointer; }
details div { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .86rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .55rem; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
td.long { white-space: normal; overflow-wrap: anywhere; }
thead th { color: var(--soft); font-weight: 600; }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: var(--back); }
code { display: block; padding: .7rem 1rem; overflow-x: auto; white-space: pre;
  font: .86rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 40rem) { main { padding: 1rem .6rem 3rem; } figure { padding: .4rem; } }
@media print { body { background: none; } main { max-width: none; } }
"""


def document(
    title: str, heading: str, summary_line: str, sections: Sequence[tuple[str, str, str]]
) -> str:
    """A page of sections, each with its key, its heading and its content in HTML."""
    links = "".join(f'<a href="#{key}">{name}</a>' for key, name, _ in sections)
    body = "".join(
        f'<section id="{key}"><h2>{name}</h2>{content}</section>\n'
        for key, name, content in sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}: {escape(heading)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header>
<p>{escape(title)}</p>
<h1>{escape(heading)}</h1>
<p>{escape(summary_line)}</p>
<nav>{links}</nav>
</header>
{body}</main>
</body>
</html>
"""


def picture_html(name: str, caption: str, svg: bytes) -> str:
    """A picture with its caption below it."""
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    return (
        f'<figure id="picture-{escape(name)}"><img src="{source}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
    )


def pairs_html(pairs: Mapping[str, str]) -> str:
    """A table of names and values."""
    rows = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td class="long">{escape(value)}</td></tr>'
        for key, value in pairs.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def table_html(table: pd.DataFrame) -> str:
    """A table of text."""
    return table.to_html(index=False, escape=True, border=0, justify="left")
