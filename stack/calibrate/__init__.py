"""What a rig can learn of itself with its camera: settling, backlash, scale, shading, where a subject is."""
