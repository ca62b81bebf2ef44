"""bash's completion for focusctl, from what focusctl itself understands: `python -m focusd.completion`."""

import sys
from collections.abc import Iterator, Sequence

from focusd.arguments import focusctl_parser
from focusd.commands import Command, commands_of
from stack.merge.interrupts import heard

_HEAD = """\
# bash completion for focusctl; made by `python -m focusd.completion`
_focusctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} typed= at
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ ${COMP_WORDS[at]} == -* ]] || typed+=" ${COMP_WORDS[at]}"
  done
  case "$before" in"""

_MIDDLE = """\
  esac
  case "$typed" in"""

_FOOT = """\
  esac
}
complete -o bashdefault -o default -F _focusctl focusctl"""


def completion(commands: Sequence[Command]) -> str:
    """Write the script: what may follow the words typed so far; where nothing is known, files."""
    return "\n".join([_HEAD, *_values(commands), _MIDDLE, *_words(commands), _FOOT, ""])


def _values(commands: Sequence[Command]) -> Iterator[str]:
    """Offer the values of options that have a choice; leave those that have none to the user."""
    told = set()
    for option in (option for command in commands for option in command.options if option.value):
        if option.names in told:
            continue
        told.add(option.names)
        yield f"    {'|'.join(option.names)}) {_offer(option.choices) if option.choices else ':'}; return ;;"


def _words(commands: Sequence[Command]) -> Iterator[str]:
    """Offer what may come next; the longest words are asked for first."""
    for command in sorted(commands, key=lambda one: -len(one.words)):
        depth = len(command.words)
        below = [one.words[-1] for one in commands if one.words[:-1] == command.words and one.words]
        names = [name for option in command.options for name in option.names]
        pattern = f'" {" ".join(command.words)}"*' if depth else "*"
        yield f"    {pattern}) {_offer((*below, *command.choices, *names))} ;;"


def _offer(words: Sequence[str]) -> str:
    return f'COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word"))'


if __name__ == "__main__":
    with heard("focusd.completion"):
        sys.stdout.write(completion(list(commands_of(focusctl_parser()))))
