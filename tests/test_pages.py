"""Each code block of the README and the other pages works as it stands there, alone."""

import ast
import contextlib
import inspect
import io
import re
import sys

import pytest
from pages import BLOCKS, COMMENTS, PAGES, Block, text

from pns_tf import commands

PYTHON = [block for block in BLOCKS if block.language == "python"]
SHELL = [block for block in BLOCKS if block.language == "sh"]
FILES = {block.file: block for block in PYTHON if block.file and "/" not in block.file}
PROGRAM = ["python", "-m", "pns_tf"]
# Pages, and how many of their blocks.
NOT_RUN = {
    "docs/experiments.md": 1,
    "docs/judging.md": 2,
    "docs/keras3.md": 1,
    "docs/leaderboard.md": 1,
    "docs/residual.md": 1,
    "docs/sweeps.md": 1,
    "docs/vgg.md": 1,
}


def runnable(blocks: list[Block]) -> list[Block]:
    """Those that are run; of blocks that two pages share, one."""
    return list({(block.code, block.shows): block for block in blocks if block.is_run}.values())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder of a reader who has saved the files that the pages show."""
    for name, block in FILES.items():
        (tmp_path / name).write_text(block.code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def check_python(block: Block) -> int:
    """Runs it in a namespace of its own; gives how many of its prints were compared."""
    names, compared = {"__name__": "__main__"}, 0
    lines = block.code.splitlines()
    for statement in ast.parse(block.code).body:
        source = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(ast.Module([statement], []), str(block), "exec"), names)
        expected = re.search(r"^print\(.*\)  # (.*)$", source)
        if expected:
            assert out.getvalue().strip() == expected[1], source
            compared += 1
    return compared


def check_output(shown: str, printed: str) -> None:
    for line, printed_line in zip(shown.splitlines(), printed.splitlines(), strict=False):
        if "(weak)" in line:  # training differs a little between processors
            accuracies = [float(words.split()[-1]) for words in (line, printed_line)]
            assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)
        else:
            assert line.rstrip() == printed_line.rstrip()


@pytest.mark.slow
@pytest.mark.parametrize("block", runnable(PYTHON), ids=str)
def test_a_python_block_runs_alone_and_prints_what_its_comments_say(block, folder, helix_run):
    (folder / "saved_models").symlink_to(helix_run.parent)
    compared = check_python(block)
    assert compared == len(re.findall(r"^print\(.*\)  # ", block.code, re.MULTILINE))


@pytest.mark.usefixtures("without_workers")
@pytest.mark.slow
@pytest.mark.parametrize("block", runnable(SHELL), ids=str)
def test_a_shell_block_runs_alone_and_prints_what_is_shown(block, folder, run):
    smaller = block.comments.get("smaller", "").split()
    printed = ""
    for words in block.commands():
        if words[:2] == ["pip", "install"]:  # by .ci/run and tests/test_wheel.py
            continue
        assert words[:3] == PROGRAM, f"not a command of pns_tf, and not marked: {words}"
        taken = {flag.split("=")[0] for flag in smaller}
        command = [word for word in words[3:] if word.split("=")[0] not in taken]
        code, out, err = run(*command, *smaller)
        assert code == 0, err
        printed += out
    check_output(block.shows, printed)


def test_a_block_that_misses_an_import_fails():
    block = Block("page", 1, "python", "print(np.pi)  # 3.141592653589793\n", {}, "")
    with pytest.raises(NameError):
        check_python(block)


def test_the_prints_of_a_block_are_compared():
    block = Block("page", 1, "python", "print(1 + 1)  # 3\n", {}, "")
    with pytest.raises(AssertionError):
        check_python(block)


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_command_that_is_shown_has_the_flags_that_it_uses(block):
    for words in block.commands():
        if "pns_tf" not in words or words[-1] == "--help":
            continue
        name, *rest = words[words.index("pns_tf") + 1 :]
        said = {word.split("=")[0] for word in rest}
        known = {f"--{flag}" for flag in inspect.signature(commands.COMMANDS[name]).parameters}
        assert said <= known


def test_flags_that_are_named_belong_to_a_command():
    known = {
        flag
        for command in commands.COMMANDS.values()
        for flag in inspect.signature(command).parameters
    }
    others = {
        "nthreads",  # Dask's
        "help",
        "strict",  # MkDocs's
        "check",  # Ruff's
        "logdir",  # TensorBoard's
        "sparsity",  # of examples/keras3_prune.py
        "before",  # of benchmarks/pns.py
        "repetitions",  # of benchmarks/repetitions.py
    }
    for page in PAGES:
        said = set(re.findall(r"(?<![\w-])--([a-z]\w*)", text(page)))
        assert said - others <= known, page


def test_only_blocks_with_a_reason_are_left_out():
    marked = [block for block in BLOCKS if "not_run" in block.comments]
    pages = [block.page for block in marked]
    assert {page: pages.count(page) for page in pages} == NOT_RUN
    for block in BLOCKS:
        why = block.comments.get("not_run") or block.comments.get("page_not_run")
        assert why is None or len(why.split()) >= 4, block


def test_only_pages_of_results_leave_out_all_their_commands():
    pages = {block.page for block in BLOCKS if "page_not_run" in block.comments}
    assert all(page.startswith("docs/results/") for page in pages)


def test_nothing_is_left_out_by_its_form():
    assert 2 * len(BLOCKS) == sum(text(page).count("```") for page in PAGES)
    assert {block.language for block in BLOCKS} <= {"python", "sh", "text"}
    shown = [block.shows for block in SHELL if block.shows]
    assert len(shown) == len([block for block in BLOCKS if block.language == "text"])
    for page in PAGES:
        outside = re.sub(r"^```\w*\n.*?^```\n", "", text(page), flags=re.DOTALL | re.MULTILINE)
        assert not re.search(r"^\n(\t| {4})", outside, re.MULTILINE), f"indented code in {page}"
        assert "```" not in outside, page
        for comment in re.findall(r"<!--.*?-->", outside, re.DOTALL):
            assert any(pattern.fullmatch(comment) for pattern in COMMENTS.values()), comment
