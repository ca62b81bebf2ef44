"""See the package."""

fd_reader = None
