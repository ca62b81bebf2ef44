"""A stack: optics, plan, shoot, session on disk, merge, report."""
