"""Fits the shipped weights and calibration from simulated worlds: ``analyzer fit``."""
