"""`python -m stack.merge`: `follow` is the rig's child process, everything else the desktop command."""

import sys

from stack.merge.interrupts import ended_at_once

if __name__ == "__main__":
    with ended_at_once():
        from stack.merge import command, follow
    arguments = sys.argv[1:]
    sys.exit(follow.main(arguments[1:]) if arguments[:1] == ["follow"] else command.main(arguments))
