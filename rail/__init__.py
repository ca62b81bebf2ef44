"""One axis: micrometres (or degrees of focus ring) in, step pulses out."""
