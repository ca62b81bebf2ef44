"""`python -m stack.merge`: `follow` is the rig's child process, everything else the desktop command."""

import sys

from stack.merge.interrupts import ended_at_once, heard

if __name__ == "__main__":
    with ended_at_once():
        from stack.merge import command, follow
    arguments = sys.argv[1:]
    if arguments[:1] == ["follow"]:
        sys.exit(follow.main(arguments[1:]))
    with heard("focusctl merge"):
        sys.exit(command.main(arguments))
