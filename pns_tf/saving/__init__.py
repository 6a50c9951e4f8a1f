"""Saving: what runs leave behind on disk."""
