"""`play.py PLAY ACT`: run an act, and write down its report as one line of JSON."""

import importlib
import json
import sys

play, act = sys.argv[1:]
sys.stdout.write(json.dumps(getattr(importlib.import_module(play), act)()) + "\n")
