"""Secrets at rest: readable by their own row with a key that is still configured, and by nothing else."""

from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from core.encryption import decrypt, encrypt, lookup_hash, masked
from core.ids import new_id


@pytest.mark.parametrize("text", ["", "6222020200112233", "张三", "x" * 10_000, "\U0001f600"])
def test_the_same_row_reads_it_again(app: Flask, text: str) -> None:
    row = new_id()
    sealed = encrypt(text, row)
    assert decrypt(sealed, row) == text
    assert text == "" or text not in sealed


def test_two_rows_with_the_same_text_do_not_look_alike(app: Flask) -> None:
    row = new_id()
    assert encrypt("same", row) != encrypt("same", row)


def test_another_row_cannot_read_it(app: Flask) -> None:
    """Copying somebody's sealed account into one's own row gains nothing."""
    sealed = encrypt("6222020200112233", new_id())
    with pytest.raises(InvalidTag):
        decrypt(sealed, new_id())


def test_a_changed_text_is_noticed(app: Flask) -> None:
    row = new_id()
    sealed = encrypt("6222020200112233", row)
    key_id, _, body = sealed.partition(":")
    flipped = body[:-6] + ("A" if body[-6] != "A" else "B") + body[-5:]
    with pytest.raises(InvalidTag):
        decrypt(f"{key_id}:{flipped}", row)


def test_an_old_key_still_decrypts_and_the_new_one_encrypts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = app.config["SETTINGS"]
    row = new_id()
    old = encrypt("text", row)
    rotated = replace(settings, encryption_keys={"t2": b"2" * 32, **settings.encryption_keys})
    monkeypatch.setitem(app.config, "SETTINGS", rotated)
    assert decrypt(old, row) == "text"
    new = encrypt("text", row)
    assert (new.partition(":")[0], decrypt(new, row)) == ("t2", "text")
    monkeypatch.setitem(app.config, "SETTINGS", replace(settings, encryption_keys={"t2": b"2" * 32}))
    with pytest.raises(KeyError):
        decrypt(old, row)


def test_a_look_up_hash_tells_kinds_apart(app: Flask) -> None:
    assert lookup_hash("phone", "1") == lookup_hash("phone", "1")
    assert len({lookup_hash("phone", "1"), lookup_hash("openid", "1"), lookup_hash("phone", "2")}) == 3


@given(st.text(max_size=40))
def test_masking_shows_four_characters_at_most(text: str) -> None:
    shown = masked(text)
    assert len(shown.lstrip("*")) <= 4 or "*" in text
    if len(text) < 8:
        assert set(shown) <= {"*"}
