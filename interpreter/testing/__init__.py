"""The testing kit: workflows tested without a server and without a clock, and journals met by changed code."""

from interpreter.testing.standing import OpenCommand, Standing, stand

__all__ = ["OpenCommand", "Standing", "stand"]
