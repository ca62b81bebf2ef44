"""A rig that is not there: what stands in for the libraries below us."""
