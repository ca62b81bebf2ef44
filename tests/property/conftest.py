"""Laws, held by examples."""

from examples import take_their_time

take_their_time()
