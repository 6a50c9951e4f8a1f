"""Judges tickets of any framework: instances are folders of arrays, submissions files of masks."""
