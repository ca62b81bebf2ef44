"""One camera: an exposure that began after this instant, with exactly these settings, in a Frame."""
