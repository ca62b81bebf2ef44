"""Stands in for what writes picamera2's own DNGs: ours are written elsewhere."""
