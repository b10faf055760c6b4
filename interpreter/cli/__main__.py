"""``python -m interpreter.cli``: the command, where it is not installed as a program."""

from interpreter.cli import main

main()
