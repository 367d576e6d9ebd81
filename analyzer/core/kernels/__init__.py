"""Compiled code and data structures that know no domain: arrays in, arrays out."""
