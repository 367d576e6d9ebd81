"""Learned parts: fitted weights that ship with the package, and online River models."""
