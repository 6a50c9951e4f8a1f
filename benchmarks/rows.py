"""Rows of a CSV file that long measurements leave, one by one, and go on from."""

import csv
from pathlib import Path

import pandas as pd


def is_there(path: Path, place: dict) -> bool:
    """Whether the file has a row with these values."""
    if not path.exists():
        return False
    rows = pd.read_csv(path)
    return bool((rows[list(place)] == tuple(place.values())).all(axis=1).any())


def add(path: Path, row: dict) -> None:
    """Writes a row at the end of the file, and its header first if there is no file."""
    begins = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if begins:
            writer.writeheader()
        writer.writerow(row)
