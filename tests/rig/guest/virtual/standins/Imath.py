"""Stands in for what picamera2 imports for films, HDR files or AI, and no still needs."""
