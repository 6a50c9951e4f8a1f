"""The one thing that setup.cfg cannot say: the README with links that lead somewhere.

On a package index, what is relative to the repository leads nowhere. ``PNS_TF_SOURCE`` says where
the repository's files can be read, as in ``https://forge.example/owner/name/blob/v1.0``; the
workflow takes it from the forge that it runs on. Without it, pictures are left out, and links
become text.
"""

import os
import re
from pathlib import Path

from setuptools import setup

PICTURE = re.compile(r'<img src="(?!https?:)([^"]+)"([^>]*>)(\n*)')
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)]+)\)")


def described(readme: str, source: str = "") -> str:
    """The README for readers who do not have the files beside it.

    Args:
        readme: Markdown with links relative to the repository.
        source: address of the repository's files, with "/blob/" as forges have it.
    """
    if not source:
        return LINK.sub(r"\1", PICTURE.sub("", readme))
    raw = source.replace("/blob/", "/raw/")
    readme = PICTURE.sub(rf'<img src="{raw}/\1"\2\3', readme)
    return LINK.sub(rf"[\1]({source}/\2)", readme)


if __name__ == "__main__":
    source = os.environ.get("PNS_TF_SOURCE", "").rstrip("/")
    setup(
        long_description=described(Path("README.md").read_text(encoding="utf-8"), source),
        **({"url": source.split("/blob/")[0]} if source else {}),
    )
