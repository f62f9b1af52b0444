"""Devices, GPUs, several machines, many seeds, and the child processes that they need."""
