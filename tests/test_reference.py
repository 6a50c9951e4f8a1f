"""The pages as they are built: all are in the navigation, the reference has the whole library."""

import pkgutil
import re

import yaml
from pages import PAGES, ROOT, text

import pns_tf

INTERNAL = {"__main__", "commands", "quiet"}  # commands explain themselves with --help
NAVIGATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def named(navigation) -> list[str]:
    if isinstance(navigation, str):
        return [navigation]
    if isinstance(navigation, dict):
        navigation = navigation.values()
    return [page for part in navigation for page in named(part)]


def test_every_page_is_in_the_navigation_once():
    pages = {
        page.removeprefix("docs/")
        for page in PAGES
        if page.startswith("docs/") and not page.endswith("/findings.md")
    }
    found = named(yaml.safe_load(NAVIGATION)["nav"])
    assert sorted(found) == sorted(pages)


def test_every_room_is_in_the_reference_once():
    rooms = {module.name for module in pkgutil.iter_modules(pns_tf.__path__)} - INTERNAL
    found = [
        room
        for page in PAGES
        if page.startswith("docs/api/")
        for room in re.findall(r"^::: pns_tf\.(\w+)$", text(page), re.MULTILINE)
    ]
    assert sorted(found) == sorted(rooms)


def test_public_names_are_in_the_reference():
    page = text("docs/api/index.md")
    for name in pns_tf.__all__:
        assert re.search(rf"\b{name}`\]\[", page), name


def test_nothing_is_fetched_from_elsewhere():
    assert "font: false" in NAVIGATION
    assert not re.search(r"https?://", NAVIGATION)
