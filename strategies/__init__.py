"""Strategies to run, read and copy; see README.md. Not installed."""
