"""Exercises: handing them out, running learners' files, judging them."""
