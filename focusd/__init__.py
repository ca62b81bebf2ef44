"""The daemon and its faces: one owner of the hardware, the panel, the HTTP API, the shell command."""
