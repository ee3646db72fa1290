"""The project's own source, read as text and as syntax trees: what the guard tests look at."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "referral", "coupons", "commission", "community")
"""Lowest first."""


class Module(NamedTuple):
    """One file of the product."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def feature(self) -> str:
        """`commission.orders`, or the package where a module stands in no feature."""
        return ".".join(self.name.split(".")[:2])


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the five packages."""
    return tuple(_module(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))


def _module(path: Path) -> Module:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


def imports_of(module: Module) -> Iterator[str]:
    """Dotted names of everything a module imports, `from a import b` as `a.b`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


_SQL = re.compile(r"\b(FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?([a-z_]+)\b")


def tables_in(module: Module) -> Iterator[tuple[str, str]]:
    """Tables that a module's SQL reads or writes, with the word before the table's name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for word, table in _SQL.findall(node.value):
                yield ("DELETE" if f"DELETE FROM {table}" in node.value else word), table


@cache
def owners() -> dict[str, str]:
    """Every table and the feature that declares it."""
    found = {}
    for module in modules():
        for table in re.findall(r'__tablename__ = "(\w+)"', module.path.read_text(encoding="utf-8")):
            found[table] = module.feature
    return found
