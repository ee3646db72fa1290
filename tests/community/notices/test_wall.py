"""Templates by people: what they may say, and that nothing can be reached, run, or drawn out through them."""

import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from community.notices.defaults import MORE, TEXTS
from community.notices.rendering import LONGEST_TEXT, Manner, Ours, _compiled, check, render
from community.notices.templates import preview, refuse_bad
from community.notices.topics import LANGUAGES, MOST_ROWS, TOPICS, Kind, variables_of
from community.notices.wall import BadTemplate
from community.notices.wording import Audience, values_of
from core.auth.actor import Program
from core.errors import Invalid
from core.programs.settings import ProgramSettings

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
PLAIN = Manner("en", "GBP", lambda text: text)

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ member.__class__ }}",
    "{{ member['__class__'] }}",
    "{{ member|attr('__class__') }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ config }}",
    "{{ request.application }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__ }}",
    "{{ namespace(a=1) }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ dict.mro() }}",
    "{{ range(10**9) }}",
    "{{ 'a' * 10**9 }}",
    "{{ 9**9**9 }}",
    "{{ '%s'|format(member) }}",
    "{{ '%999999999s' % member }}",
    "{{ '{0.__class__}'.format(member) }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ member.format_map(1) }}",
    "{{ member.replace('a', 'b') }}",
    "{{ member ~ member }}",
    "{{ amount + 1 }}",
    "{{ amount // 0 }}",
    "{{ -amount }}",
    "{{ 1.5 }}",
    "{{ [member] }}",
    "{{ {'a': member} }}",
    "{{ (member, member) }}",
    "{{ member[0] }}",
    "{{ member[::2] }}",
    "{{ top }}",
    "{{ top|default('x') }}",
    "{{ top.__len__() }}",
    "{% for row in top %}{{ row }}{% endfor %}",
    "{% for row in top %}{{ row.keys() }}{% endfor %}",
    "{% for row in top %}{{ row.items }}{% endfor %}",
    "{% for row in top %}{{ row.__class__ }}{% endfor %}",
    "{% for row in top %}{{ row['member'] }}{% endfor %}",
    "{% for row in top %}{% for other in top %}x{% endfor %}{% endfor %}",
    "{% for row in top recursive %}{{ loop(top) }}{% endfor %}",
    "{% for row in top %}{{ loop }}{% endfor %}",
    "{% for row in top %}{{ loop.__class__ }}{% endfor %}",
    "{% for row in top %}{{ loop.cycle('a') }}{% endfor %}",
    "{% for row in top %}{{ loop.nextitem }}{% endfor %}",
    "{% for a in 'abc' %}{{ a }}{% endfor %}",
    "{% for a in [1, 2] %}{% endfor %}",
    "{% for a in range(9) %}{% endfor %}",
    "{% for a, b in top %}{% endfor %}",
    "{% for _x in top %}{% endfor %}",
    "{% for row in top if loop.index.__class__ %}{% endfor %}",
    "{% for row in top %}{% endfor %}{{ row.member }}",
    "{% set x = member %}",
    "{% set x %}{{ member }}{% endset %}",
    "{% with x = member %}{% endwith %}",
    "{% macro a() %}{{ caller() }}{% endmacro %}",
    "{% call member() %}x{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% block a %}{% endblock %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% extends 'x' %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% do member.pop() %}",
    "{{ member is callable }}",
    "{{ member is sameas(1) }}",
    "{{ member|map('upper') }}",
    "{{ member|pprint }}",
    "{{ member|tojson }}",
    "{{ member|safe }}",
    "{{ member|upper|string|list }}",
    "{{ member|truncate(10**9) }}",
    "{{ member|truncate(100000) }}",
    "{{ member|truncate(member) }}",
    "{{ member|default(self) }}",
    "{{ member|default(value=1) }}",
    "{{ member|default(*top) }}",
    "{{ unknown }}",
    "{{ __builtins__ }}",
    "{{ _manner }}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_what_is_more_than_a_text_is_refused(text: str) -> None:
    with pytest.raises(BadTemplate):
        check(text, variables_of("digest") + variables_of("commission"))


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 980 + "1" + ")" * 980 + " }}",
        "{{ " + "not " * 490 + "member }}",
        "{{ " + "member or " * 195 + "member }}" + " " * 40,
        "{{ " + "- " * 990 + "1 }}",
        "{% if member %}" * 76 + "{% endif %}" * 76,
        "{% if member %}" * 130,
        "{{ member" + "|upper" * 330 + " }}",
        "{{ member" + ".a" * 990 + " }}",
        "{{ " + "9" * 1990 + " }}",
        "{#" * 900,
        "{{" * 1000,
        "{% raw %}" * 200,
        "{{ member|default('" + "\\\\" * 900 + "') }}",
    ],
)
def test_what_is_nested_or_repeated_beyond_reason_ends_at_once(text: str) -> None:
    """Taken or refused, never an error of ours and never slow."""
    began = time.perf_counter()
    try:
        check(text[:2000], variables_of("order"))
        render(text[:2000], values_of("order", {}, AT, Audience("en", "UTC", show_amounts=True), {}, "P"), PLAIN)
    except BadTemplate:
        pass
    assert time.perf_counter() - began < 1


@given(st.text(alphabet="{}%#|.()[]'\"_ abcfmorenidtup0123456789*+~\n\\", max_size=200))
def test_any_text_is_taken_or_refused(text: str) -> None:
    try:
        check(text, variables_of("digest"))
    except BadTemplate:
        return
    values = values_of("digest", {}, AT, Audience("en", "UTC", show_amounts=True), {}, "P")
    with suppress(BadTemplate):  # a list compared with nothing, perhaps
        assert len(render(text, values, PLAIN)) <= LONGEST_TEXT


PIECES = st.sampled_from([
    "x", "{{ program }}", "{{ row.member|truncate(3) }}", "{{ row.amount|money }}", "{{ day|date|upper }}",
    "{{ loop.index }}", "{{ loop.last }}", "{{ loop }}", "{{ loop.rank }}", "{{ you is none }}", "{{ 5 }}",
    "{{ '\\ud800\\x00\\u200b'|default('x') }}", "{{ 'a' if row.rank < 2 }}", "{{ program in 5 }}", "{{ top }}",
    "{% if top %}", "{% if row.rank == 'x' and not you %}", "{% elif loop.first %}", "{% else %}", "{% endif %}",
    "{% endfor %}", "{% raw %}", "{% endraw %}", "{#", "#}", "{%- if day < 5 -%}", "{% set x = 1 %}", "{% block x %}",
])  # fmt: skip
NAMES = st.sampled_from(["row", "loop", "top", "self", "class", "True", "é", "_"])


def _looped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.sampled_from(["top", "top", "top", "row", "program"])
    conditions = st.sampled_from(["", "", " if loop.index", " if top", " recursive", " if row.rank > you"])
    return st.builds("{{% for {} in {}{} %}}{}{{% endfor %}}".format, NAMES, lists, conditions, inner)


MIXED = st.recursive(PIECES, lambda one: _looped(one) | st.lists(one, max_size=4).map("".join), max_leaves=8)
TEMPLATES = _looped(st.just("x") | PIECES) | MIXED


@example("{% for loop in top %}{{ loop.rank }}{% endfor %}")
@given(TEMPLATES)
def test_a_template_is_refused_or_renders_the_sample(text: str) -> None:
    """As the edge does it, on every platform's terms: what it takes is text that can be stored and sent."""
    program, taken = Program(UUID(int=1), "Tea House", 1, ProgramSettings()), list[str]()
    for field in ("text", "markdown"):
        with suppress(Invalid):
            refuse_bad(program, "board", "en", field, text)
            taken.append(field)
    for field in taken:
        shown = preview(program, "board", "en", text, markdown=field == "markdown", show_amounts=True)
        assert "\x00" not in shown
        assert len(shown.encode()) <= 4 * LONGEST_TEXT


def test_a_text_too_deep_for_the_stack_of_a_job_is_refused_there_and_not_an_error_of_ours() -> None:
    """Whoever took it may have stood higher on the stack; the default is said then."""
    text = "{% if you %}" * 40 + "x" + "{% endif %}" * 40

    def below(depth: int) -> str:
        return below(depth - 1) if depth else render(text, {"you": "member"}, PLAIN)

    def deeper_and_deeper() -> None:
        for depth in range(100, sys.getrecursionlimit(), 20):
            _compiled.cache_clear()
            below(depth)

    check(text, variables_of("order"))
    assert below(0) == "x"
    with pytest.raises(BadTemplate, match="too deeply"):
        deeper_and_deeper()


def test_the_heaviest_template_that_is_taken_is_quick_and_short() -> None:
    body = "{% if row.member %}{{ row.member|truncate(200)|upper|lower }}{% endif %}"
    text = "{% for row in top %}" + body * 26 + "{% endfor %}"
    assert 1_800 < len(text) <= 2_000
    check(text, variables_of("board"))
    facts = {"top": [{"member": "x" * 10_000, "rank": 1}] * 10_000}
    values = values_of("board", facts, AT, Audience("en", "UTC", show_amounts=True), {}, "P")
    assert len(values["top"]) == MOST_ROWS
    began = time.perf_counter()
    with pytest.raises(BadTemplate, match="4000"):
        render(text, values, PLAIN)
    silent = "{% for row in top %}" + "{% if row.member|upper == 'y' %}{% endif %}" * 45 + "{% endfor %}"
    check(silent, variables_of("board"))
    assert render(silent, values, PLAIN) == ""
    assert time.perf_counter() - began < 1


def test_a_template_longer_than_the_limit_is_refused() -> None:
    check("x" * 2_000, ())
    with pytest.raises(BadTemplate, match="2000"):
        check("x" * 2_001, ())


def test_what_may_be_said_comes_out() -> None:
    text = (
        "{% if change == 'orders' and not amount %}{{ member|upper }}{% elif amount > 5 %}{{ amount|money }}"
        "{% else %}-{% endif %} {{ member|truncate(3) }} {{ reward|default('none') }} {{ 'x' if you else 'y' }}"
    )
    known = variables_of("milestone") + variables_of("activity")
    check(text, known)
    values = {"change": "orders", "amount": None, "member": "Adeline", "reward": None, "you": ""}
    assert render(text, values, PLAIN) == "ADELINE Ad… none y"
    assert render(text, values | {"change": "sales", "amount": 1250}, PLAIN) == "£12.50 Ad… none y"
    assert render(text, values | {"change": "sales", "amount": 3}, PLAIN) == "- Ad… none y"


def test_a_loop_goes_through_its_rows_and_knows_its_place() -> None:
    text = (
        "{% for row in top if row.amount %}{{ loop.index }}. {{ row.member }} {{ row.amount|money }}"
        "{% if not loop.last %}; {% endif %}{% else %}nobody{% endfor %}"
    )
    check(text, variables_of("board"))
    top = [{"member": "Ada", "amount": 100}, {"member": "Bob", "amount": None}, {"member": "Eve", "amount": 50}]
    assert render(text, {"top": top}, PLAIN) == "1. Ada £1.00; 2. Eve £0.50"
    assert render(text, {"top": []}, PLAIN) == "nobody"


def test_everything_printed_is_escaped_but_what_is_ours() -> None:
    brackets = Manner("en", "GBP", lambda text: f"<{text}>")
    text = "{{ member }} {{ member|upper }} {{ 'const' }} {{ link }} {{ link|lower }} {{ amount|money }} {{ left }}"
    check(text, variables_of("activity"))
    values = {"member": "ada", "link": Ours("https://A"), "amount": 1250, "left": 7}
    assert render(text, values, brackets) == "<ada> <ADA> <const> https://A <https://a> £12.50 <7>"


def test_money_and_days_are_written_as_the_language_has_them() -> None:
    text = "{{ amount|money }} {{ day|date }}"
    check(text, variables_of("digest")[:0] + variables_of("board") + variables_of("order"))
    values = {"amount": 1234, "day": "2026-01-31"}
    assert render(text, values, PLAIN._replace(currency="CNY")) == "CN¥12.34 31 Jan"
    assert render(text, values, PLAIN._replace(currency="CNY", language="zh")) == "¥12.34 1月31日"
    assert render(text, values, PLAIN._replace(currency="PTS")) == "1234 points 31 Jan"
    assert render(text, values, PLAIN._replace(currency="PTS", language="zh")) == "1234 积分 1月31日"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_topic_has_a_default_that_comes_out_in_every_case(topic: str, language: str) -> None:
    text = TEXTS[topic, language]
    check(text, variables_of(topic))
    assert "{n}" in MORE[language]
    full: dict[str, Any] = {one.name: one.sample for one in variables_of(topic)}
    cases = [full, {}]
    cases += [full | {one.name: word} for one in TOPICS[topic].variables if one.kind is Kind.WORD for word in one.words]
    for facts in cases:
        for amounts in (True, False):
            said = render(
                text, values_of(topic, facts, AT, Audience(language, "UTC", show_amounts=amounts), {}, "P"),
                PLAIN._replace(language=language),
            )  # fmt: skip
            assert said or topic == "group"
            assert "None" not in said
            assert amounts or "£" not in said


def test_chinese_defaults_are_chinese_and_english_ones_are_not() -> None:
    for (_, language), text in TEXTS.items():
        assert any("\u4e00" <= one <= "\u9fff" for one in text) == (language == "zh")


def test_jinja_is_as_new_as_the_sandbox_needs() -> None:
    assert tuple(map(int, jinja2.__version__.split(".")[:3])) >= (3, 1, 6), "CVE-2025-27516"
