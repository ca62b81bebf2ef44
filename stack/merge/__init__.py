"""Many slices in, one sharp picture out: align, tone, fuse, depth. Needs numpy and OpenCV, no rig."""
