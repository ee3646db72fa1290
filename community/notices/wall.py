"""What a template may say: the wall between people's templates and the engine. Pure.

A template may print variables, compare them, branch, and go through a list that it was given: no calls, no arithmetic,
no assignments, no nested loops, no attribute but a row's own field. So nothing can be reached from it, and its work is
bounded by its length times the rows of a list. The syntax tree is walked before anything of it is compiled.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jinja2 import nodes

from community.notices.topics import Kind, Variable

_LOOP = frozenset({"index", "first", "last", "length"})
TESTS = frozenset({"none", "defined"})
FILTERS = {"upper": 0, "lower": 0, "truncate": 1, "default": 1, "money": 0, "date": 0}
"""The filters there are, and how many plain values each takes."""

_PLAIN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.CondExpr,
)  # fmt: skip


class BadTemplate(ValueError):
    """A template that is not taken; the text says why, for its author."""


class _Place(NamedTuple):
    """What is known where a node stands. `decides`: it is only asked whether it is true."""

    known: Mapping[str, Variable]
    in_loop: bool = False
    decides: bool = False


def check_tree(tree: nodes.Template, variables: Sequence[Variable]) -> None:
    """Raises: BadTemplate: there is more in it than is allowed. RecursionError: nested hundreds of levels deep."""
    _check(tree, _Place({variable.name: variable for variable in variables}))


def _check(node: nodes.Node, place: _Place) -> None:
    rule = _RULES.get(type(node))
    if rule is not None:
        rule(node, place)
    elif not isinstance(node, _PLAIN):
        raise BadTemplate(f"{type(node).__name__} is not allowed in a notice.")
    if isinstance(node, nodes.For | nodes.Getattr):
        return  # their rules have looked at what is inside
    logical = place.decides and isinstance(node, nodes.And | nodes.Or | nodes.Not)
    for child in node.iter_child_nodes():
        asked = isinstance(node, nodes.If | nodes.CondExpr) and child is node.test
        _check(child, place._replace(decides=logical or asked))


def _check_name(node: nodes.Name, place: _Place) -> None:
    variable = place.known.get(node.name)
    if variable is None:
        raise BadTemplate(f"There is no variable {node.name!r}: {_named(place, lists=False)}.")
    if variable.fields and not (variable.kind is Kind.LIST and place.decides):
        raise BadTemplate(f"{node.name!r} is no value: a list is gone through with for, a row asked for its fields.")


def _check_loop(node: nodes.For, place: _Place) -> None:
    """A loop's row is known inside of its body only."""
    if place.in_loop or node.recursive:
        raise BadTemplate("A loop inside of a loop is not allowed.")
    given = place.known.get(node.iter.name) if isinstance(node.iter, nodes.Name) else None
    if given is None or given.kind is not Kind.LIST:
        raise BadTemplate(f"A loop goes through one of the lists: {_named(place, lists=True)}.")
    if not isinstance(node.target, nodes.Name) or node.target.name.startswith("_"):
        raise BadTemplate("A loop gives each row one name.")
    row = Variable(node.target.name, Kind.TEXT, None, (), given.fields)
    inside = _Place({**place.known, row.name: row}, in_loop=True)
    for child in node.body:
        _check(child, inside)
    if node.test is not None:
        _check(node.test, inside._replace(decides=True))
    for child in node.else_:
        _check(child, place._replace(decides=False))


def _check_field(node: nodes.Getattr, place: _Place) -> None:
    if not isinstance(node.node, nodes.Name):
        raise BadTemplate("Only a row of a list has fields.")
    name = node.node.name
    row = place.known.get(name)
    if name == "loop" and place.in_loop and row is None:
        allowed = _LOOP
    elif row is not None and row.fields and row.kind is not Kind.LIST:
        allowed = frozenset(field.name for field in row.fields)
    else:
        raise BadTemplate(f"{name!r} has no fields.")
    if node.attr not in allowed:
        raise BadTemplate(f"{name!r} has no field {node.attr!r}: {', '.join(sorted(allowed))}.")


def _check_value(node: nodes.Const, _place: _Place) -> None:
    if not isinstance(node.value, str | int | bool | None):
        raise BadTemplate("Only texts and whole numbers can be written.")


def _check_test(node: nodes.Test, _place: _Place) -> None:
    if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise BadTemplate(f"There is no test {node.name!r}: {', '.join(sorted(TESTS))}.")


def _check_filter(node: nodes.Filter, _place: _Place) -> None:
    if node.name not in FILTERS:
        raise BadTemplate(f"There is no filter {node.name!r}: {', '.join(sorted(FILTERS))}.")
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise BadTemplate(f"The filter {node.name!r} is used as a block or with named values.")
    wanted = FILTERS[node.name]
    if len(node.args) != wanted or not all(isinstance(arg, nodes.Const) for arg in node.args):
        raise BadTemplate(f"The filter {node.name!r} takes {wanted or 'no'} plain value.")
    if node.name == "truncate" and not _is_length(node.args[0]):
        raise BadTemplate("truncate takes a length of 1 to 200.")


def _is_length(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and type(node.value) is int and 1 <= node.value <= 200


def _named(place: _Place, *, lists: bool) -> str:
    names = sorted(name for name, one in place.known.items() if (one.kind is Kind.LIST) == lists)
    return ", ".join(names) or "none"


_RULES: dict[type[nodes.Node], Callable[[Any, _Place], None]] = {
    nodes.For: _check_loop,
    nodes.Getattr: _check_field,
    nodes.Name: _check_name,
    nodes.Const: _check_value,
    nodes.Filter: _check_filter,
    nodes.Test: _check_test,
}
