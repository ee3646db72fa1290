"""What every module is held to: a docstring, a bearable length, and whole numbers where money is."""

import ast
import re

from tests.house.source import ROOT, modules

LONGEST = 400
MONEY_PACKAGES = ("commission", "coupons", "core.money")
FLOATS_ARE_FINE = {
    "commission.payouts.rails": "rails count seconds and probabilities of faults, never money",
    "commission.payouts.calling": "seconds on the clock",
    "commission.payouts.metrics": "Prometheus speaks floats",
    "commission.payouts.wiring": "time-outs in seconds",
    "coupons.clicks": "seconds on the clock and shares of a disk; no money passes here",
    "coupons.sharing": "pixels and seconds",
}


def test_every_module_says_what_it_is() -> None:
    silent = [module.name for module in modules() if not ast.get_docstring(module.tree)]
    assert silent == []


def test_no_module_is_too_long() -> None:
    lengths = {module.name: len(module.path.read_text(encoding="utf-8").splitlines()) for module in modules()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_money_is_never_a_float() -> None:
    wrong = []
    for module in modules():
        if module.name.startswith(MONEY_PACKAGES) and not module.name.startswith(tuple(FLOATS_ARE_FINE)):
            wrong += [f"{module.name}:{line}: {what}" for line, what in _floats(module.tree)]
    assert wrong == []


def _floats(tree: ast.Module) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append((node.lineno, f"the number {node.value}"))
        elif isinstance(node, ast.Name) and node.id in {"float", "Float", "Decimal"}:
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not _is_path(node):
            found.append((node.lineno, "a division that is not whole"))
    return found


def _is_path(node: ast.BinOp) -> bool:
    """`folder / "name"` is no arithmetic."""
    return any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right))


def test_the_float_test_sees_floats() -> None:
    assert len(_floats(ast.parse("a = 0.5\nb = float(a)\nc = a / b\nd = a // b"))) == 3


def test_no_table_has_a_float_column() -> None:
    from core.db import Base

    columns = [f"{table.name}.{column.name}" for table in Base.metadata.tables.values() for column in table.columns]
    floats = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if re.search("FLOAT|REAL|DOUBLE", str(column.type).upper())
    ]
    assert columns
    assert floats == []


def test_nothing_is_left_to_do() -> None:
    marks = re.compile(r"\b(TODO|FIXME)\b")
    wrong = [
        f"{module.name}:{number}"
        for module in modules()
        for number, line in enumerate(module.path.read_text(encoding="utf-8").splitlines(), start=1)
        if marks.search(line.partition("#")[2])
    ]
    assert wrong == []


def test_every_documented_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    wanted = {
        word for path in texts for word in re.findall(r"\bmake ([a-z][a-z-]*)\b(?! sure)", _code(path.read_text()))
    }
    assert wanted <= targets
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[0].split())
    assert phony == targets, "every target is a task, and every task is one"


def _code(markdown: str) -> str:
    """Only what is set as code: prose may make many things."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", markdown, flags=re.DOTALL))


def test_a_test_is_named_alike_in_every_process() -> None:
    """Parallel runs collect the tests once in each process; a random parameter makes them disagree."""
    wrong = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("parametrize"):
                chance = re.search(r"\b(uuid4|uuid7|new_id|now|random|token_\w+)\(", ast.unparse(node))
                wrong += [f"{path.relative_to(ROOT)}:{node.lineno}"] if chance else []
    assert wrong == []
