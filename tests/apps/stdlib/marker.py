"""Beside modules.txt."""
