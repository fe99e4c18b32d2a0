"""Benchmarks: how fast the router is beside other ways to find the same paths."""
