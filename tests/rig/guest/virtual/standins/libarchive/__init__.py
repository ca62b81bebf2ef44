"""Stands in for what reads the archives of AI cameras."""
