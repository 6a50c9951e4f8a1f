"""Runs as they happen: executed, kept, continued."""
