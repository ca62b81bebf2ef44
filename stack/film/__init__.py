"""The film of a time-lapse: its pictures in one frame and one light, a sheet of them, and their story."""
