"""Members choose their names: whatever they are, no platform finds a mention, a link, a command or markdown in them."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.platforms.adapters.known import ADAPTERS
from community.platforms.markdown import fitted, plain_text, read, read_plain
from community.platforms.protocol import Message, Target
from community.platforms.service import PLATFORMS, escape
from community.platforms.text import LENGTHS, cut, inert

NASTY = [
    "@all", "@everyone", "@here", "<@u123>", "<@!7>", "<@&7>", "<#7>", "<!channel>", "<!subteam^S1>", "<users/all>",
    '<at id=all></at>', '<at user_id="all">x</at>', "[click](https://evil.example)", "https://evil.example/x",
    "evil.example", "www.evil.example", "evil。example", "mailto:a@evil.example", "tg://resolve?domain=x", "t.me/x",
    "dtmd://dingtalkclient/sendMessage?content=x", "**bold**", "*b*", "_i_", "__u__", "~~s~~", "`code`", "```x```",
    "||spoiler||", "> quote", "# head", "- item", "/start", "#tag", "$USD", ":smile:", "<b>x</b>", "&lt;b&gt;", "a|b",
    "<https://evil.example|shop>", "line\nbreak", "\u202eevil", "\u200bx\u2060", "\\*x\\*", "{{ config }}", "x\x00y",
    "![i](https://evil.example/i.png)", "<font color=\"warning\">x</font>", "\\", "**", "[", "](", "👩‍👩‍👧 family",
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=40),
    st.lists(st.sampled_from([*NASTY, "\\", "*", "`", "<", "@", "(", ")", "[", "]", " "]), max_size=6).map("".join),
)  # fmt: skip
ACTING = re.compile(r"[@<>|#/\\\[\]*`~_&${}]|\w[.:]\w|[\u200b\u202a-\u202e\u2060-\u2069\n\r]")
TARGET = Target("x", url="https://x.example/y", token="1:2", chat="-1", secret="whsec_" + "A" * 32)


def written(platform: str, message: Message) -> str:
    """What the platform gets to show."""
    body: Any = orjson.loads(ADAPTERS[platform].posts(TARGET, message, 0)[0].body)
    for name in ("text", "markdown", "content", "card", "data"):
        if platform == "feishu" and name == "card" and "card" in body:
            return str(body["card"]["elements"][0]["content"])
        found = body.get(name)
        if isinstance(found, dict):
            return str(found.get("content") or found.get("text"))
        if isinstance(found, str):
            return found
    raise AssertionError(body)


NATIVE = [word for word in PLATFORMS if word != "apprise"]


@given(TEXTS)
def test_nothing_that_acts_is_left(name: str) -> None:
    shown = inert(name)
    assert ACTING.search(shown) is None
    assert inert(shown) == shown


@pytest.mark.parametrize("name", ["Ada", "王小明", "J. Smith", "Anne-Marie O'Neil", "🍵 tea", "50% off!", "a (b)", "é"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert inert(name) == name


@pytest.mark.parametrize("platform", PLATFORMS)
@given(name=TEXTS)
def test_an_escaped_name_is_text_to_the_common_markdown(platform: str, name: str) -> None:
    shown = escape(platform, name, markdown=False)
    pieces = [piece for line in read(f"x {escape(platform, name, markdown=True)} y") for piece in line.pieces]
    assert {piece.kind for piece in pieces} <= {"text"}
    assert "".join(piece.text for piece in pieces) == f"x {shown} y"


@pytest.mark.parametrize("platform", PLATFORMS)
@given(name=TEXTS)
def test_an_escaped_name_stays_inside_what_the_template_puts_around_it(platform: str, name: str) -> None:
    shown = escape(platform, name, markdown=False)
    lines = read(
        f"**{escape(platform, name, markdown=True)}** [{escape(platform, name, markdown=True)}](https://a.b/c)"
    )
    kinds = [(piece.kind, piece.text, piece.url) for piece in lines[0].pieces if piece.text != " "]
    if shown:
        assert kinds == [("bold", shown, ""), ("link", shown, "https://a.b/c")]


@pytest.mark.parametrize("platform", NATIVE)
@given(name=TEXTS)
@settings(max_examples=60)
def test_a_name_changes_nothing_of_what_platforms_act_on(platform: str, name: str) -> None:
    """The same marks, tags and addresses as with a harmless name, in texts and in markdown."""
    for make in (
        lambda one: Message(f"Hello {escape(platform, one, markdown=False)}, see https://shop.example/r/x"),
        lambda one: Message("x", f"**Hello** {escape(platform, one, markdown=True)}\n[see](https://shop.example/r/x)"),
    ):
        assert marks(platform, written(platform, make(name))) == marks(platform, written(platform, make("Ada")))


def marks(platform: str, text: str) -> list[str]:
    """What a platform would act on in a text of ours."""
    if platform == "discord":
        text = re.sub(r"\\[^\w\s]", "", text)
    if platform == "webhook":
        return re.findall(r"https?://\S+|@|<", text)
    if platform == "feishu":
        text = re.sub(r"&#\d+;", "", text)
    acting = r"https?://[^\s|>)]+|<[@!#a-z/]?|@|[*`~\[\]|\\]|&\w+;|(?<!\w)_|_(?!\w)|^#|\w\.\w|/\w+"
    return re.findall(acting, text, re.MULTILINE)


@pytest.mark.parametrize("platform", NATIVE)
@given(text=TEXTS, markdown=st.one_of(st.none(), TEXTS))
@settings(max_examples=60)
def test_any_text_of_ours_can_be_written(platform: str, text: str, markdown: str | None) -> None:
    text = text.encode("utf-8", "replace").decode()
    written(platform, Message(text or "x", markdown and markdown.encode("utf-8", "replace").decode()))


@given(st.text(max_size=200), st.integers(8, 100), st.sampled_from(["bytes", "characters"]))
def test_a_cut_text_fits_and_is_a_beginning(text: str, most: int, unit: str) -> None:
    found = cut(text, most, unit)
    assert LENGTHS[unit](found) <= most
    assert found == text or (found.endswith("…") and text.startswith(found[:-1].rstrip()))


def test_no_emoji_is_torn() -> None:
    family = "👩‍👩‍👧"
    for most in range(8, 60):
        found = cut(family * 4, most, "bytes").removesuffix("…")
        assert found == family * (len(found) // len(family))
    assert cut("e\u0301" * 9, 9, "characters") == "e\u0301" * 4 + "…"
    assert cut("👍🏽" * 9, 12, "characters") == "👍🏽" * 2 + "…"


@given(st.lists(st.one_of(st.sampled_from(["**bold** ", "[words](https://a.b/c) ", "https://a.b/long ", "\n- "]),
                          st.text(max_size=20)), max_size=20).map("".join), st.integers(20, 200))  # fmt: skip
def test_shortened_markdown_fits_and_keeps_its_links_whole(markdown: str, most: int) -> None:
    markdown = markdown.encode("utf-8", "replace").decode()
    for adapter in ("slack", "telegram", "wecom"):
        module = __import__(f"community.platforms.adapters.{adapter}", fromlist=["_STYLE"])
        style = vars(module)["_STYLE"]
        lines = read(markdown)
        found = fitted(lines, style, most, "bytes")
        assert LENGTHS["bytes"](found) <= most
        linking = re.sub(r"`[^`]*`|<code>.*?</code>", "", found, flags=re.DOTALL)  # in code an address is no link
        for url in re.findall(r"https://a[^\s|>)\]\"<…]*", linking):
            assert url in {"https://a.b/c", "https://a.b/long"} or url in plain_text(lines)


@pytest.mark.parametrize(("text", "address"), [
    ("见 https://shop.example/r/abc，快来！", "https://shop.example/r/abc"),
    ("see https://shop.example/r/a_b?c=1&d=%E8%8C%B6.", "https://shop.example/r/a_b?c=1&d=%E8%8C%B6"),
    ("(https://shop.example/x)", "https://shop.example/x"), ("https://shop.example/!?", "https://shop.example/"),
    ("**https://shop.example/x**", None), ("https://", None), ("[a](javascript:x)", None), ("[a](ftp://x)", None),
])  # fmt: skip
def test_an_address_ends_where_the_sentence_goes_on(text: str, address: str | None) -> None:
    readings = [read(text)] if address is None else [read(text), read_plain(text)]
    for lines in readings:
        found = [piece.url for line in lines for piece in line.pieces if piece.kind == "link"]
        assert found == ([] if address is None else [address])


@pytest.mark.parametrize(("platform", "text", "shown"), [
    ("slack", "<!channel> a & b <https://evil.example|shop>",
     "&lt;!channel&gt; a &amp; b &lt;https://evil.example|shop&gt;"),
    ("wecom", "hi <@all>", "hi ＜@all>"), ("feishu", 'hi <at user_id="all">x</at>', 'hi ＜at user_id="all">x＜/at>'),
    ("discord", "<@7> **b** https://a.b/x_y", "\\<\\@7\\> \\*\\*b\\*\\* https://a.b/x_y"),
    ("telegram", "<b>x</b>", "<b>x</b>"),  # without a parse_mode it is text
])  # fmt: skip
def test_a_plain_text_of_ours_is_text(platform: str, text: str, shown: str) -> None:
    assert written(platform, Message(text)) == shown


@pytest.mark.parametrize("platform", ["slack", "wecom", "feishu", "dingtalk", "telegram"])
def test_tags_in_our_markdown_are_text(platform: str) -> None:
    found = written(platform, Message("x", "<!channel> <@all> <at id=all></at> <b>x</b> **b**"))
    assert re.search(r"<(?!/?b>b|/b>)[!@a/]", found) is None
    assert re.search(r"<b>x", found) is None
