"""Whole lines with names, whatever pieces they arrive in."""

from io import BytesIO

from core.servers.terminal import Terminal


def shown(stream: BytesIO) -> list[str]:
    return stream.getvalue().decode().splitlines()


def test_pieces_of_two_processes_become_whole_lines() -> None:
    stream = BytesIO()
    terminal = Terminal(stream)
    terminal.show("web", b"hel")
    terminal.show("relay", b"one\ntwo\nth")
    terminal.show("web", b"lo\n")
    terminal.end("relay")
    terminal.say("bye")
    assert shown(stream) == [
        "relay          | one",
        "relay          | two",
        "web            | hello",
        "relay          | th",
        "banyan         | bye",
    ]


def test_a_letter_cut_in_two_stays_whole() -> None:
    stream = BytesIO()
    terminal = Terminal(stream)
    first, second = "佣\n".encode()[:2], "佣\n".encode()[2:]
    terminal.show("web", first)
    terminal.show("web", second)
    assert shown(stream) == ["web            | 佣"]


def test_a_line_takes_the_place_of_a_bar_that_is_being_drawn() -> None:
    stream = BytesIO()
    terminal = Terminal(stream, raw=frozenset({"demo"}))
    terminal.show("demo", b"\rorders 40 %")
    terminal.show("web", b"hello\n")
    terminal.show("web", b"again\n")
    assert stream.getvalue() == b"\rorders 40 %\r\x1b[2Kweb            | hello\nweb            | again\n"


def test_a_reader_that_went_away_does_not_stop_the_product() -> None:
    stream = BytesIO()
    stream.close()
    Terminal(stream).say("anybody?")
