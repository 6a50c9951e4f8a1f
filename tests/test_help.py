"""Help: every command and flag is explained, at once."""

import inspect
import re

import pytest

from pns_tf import commands

HELP_AND_MODULES = """
import sys
from pns_tf.commands import COMMANDS, main
main(["tasks", "--help"])
print("commands:", *(name for name in COMMANDS if f"pns_tf.commands.{name}" in sys.modules))
for command in COMMANDS:
    main([command, "--help"])
print("imported:", {"tensorflow", "tf_keras", "matplotlib", "scipy", "numpy"} & set(sys.modules))
"""


@pytest.mark.parametrize("command", commands.COMMANDS)
@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["--seed=3", "--help"], ["--", "--help"]])
def test_help_says_what_each_flag_means_and_its_default(run, command, argv):
    code, out, err = run(command, *argv)
    assert (code, err) == (0, "")
    for name, parameter in inspect.signature(commands.COMMANDS[command]).parameters.items():
        part = re.search(rf"--{name}=[A-Z_]+\n(.*?)(?=\n    -|\Z)", out, re.DOTALL)
        assert part, f"--{name} is missing"
        assert f"Default: {parameter.default!r}" in part[1]
        assert re.search(r"\n {8}[a-z0-9].{5}", part[1]), f"--{name} is not explained"


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(run, argv):
    code, out, err = run(*argv)
    assert (code, err) == (0, "")
    for command in commands.COMMANDS:
        assert re.search(rf"^     {command}\n +[A-Z].+", out, re.MULTILINE)


def test_help_imports_the_command_alone_and_no_tensorflow(run_python, tmp_path):
    done = run_python("-c", HELP_AND_MODULES, cwd=tmp_path)
    assert "\ncommands: tasks\n" in done.stdout, done.stdout + done.stderr
    assert done.stdout.endswith("imported: set()\n"), done.stdout + done.stderr
