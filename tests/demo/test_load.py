"""`python -m demo load`: made once, found again, and broken off anywhere it still ends the same."""

import io
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from rich.console import Console

from core.auth.keys import keys_of, revoke_key
from core.db import transaction
from core.errors import Unauthenticated
from demo.accounts import Access, establish, keep, kept
from demo.chats import book_url
from demo.load import FILE, load_demo
from demo.office import OfficeError, signed_in
from demo.retail import RetailFolder
from demo.run import Options, run
from tests.clients import ApiClient
from tests.commission.payouts.rails.conftest import Sandbox
from tests.community.chat import played_chat
from tests.demo.conftest import quiet, served, work, working_options


class Broken(Exception):
    """The demo's process was killed here."""


class BreakingConsole(Console):
    """Ends the process, so to speak, when it is to print a line with these words."""

    def __init__(self, words: str) -> None:
        super().__init__(file=io.StringIO(), width=200)
        self._words = words

    def print(self, *objects: Any, **options: Any) -> None:
        if any(self._words in str(one) for one in objects):
            raise Broken(self._words)
        super().print(*objects, **options)


@pytest.fixture
def data_dir(app: Flask, web: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DATA_DIR of the test's own."""
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], data_dir=tmp_path, port=web))
    return tmp_path


@pytest.fixture
def load(app: Flask, data_dir: Path, sandbox: Sandbox, retail_slice: RetailFolder) -> Callable[..., str]:
    """Loads the slice as the demo; what was printed."""

    def loaded(console: Console | None = None) -> str:
        output = console or Console(file=io.StringIO(), width=200)
        options = Options(batch=100, pause=lambda: work(present(data_dir).program))
        load_demo(app, output, retail_slice, options)
        return str(output.file.getvalue())  # type: ignore[attr-defined]

    return loaded


def present(data_dir: Path) -> Access:
    found = kept(data_dir / FILE)
    assert found is not None
    return found


def fingerprint(printed: str) -> str:
    """Of the shop's own orders, paid out: the campaign comes after it."""
    return printed.partition("fingerprint of all balances")[2].split()[0]


@pytest.fixture(scope="module")
def expected(app: Flask, sandbox: Sandbox, retail_slice: RetailFolder) -> Iterator[str]:
    """The fingerprint of a run without any trouble."""
    with app.app_context():
        access = establish(app, "Without trouble")
        yield run(app, access, retail_slice, quiet(), working_options(access)).outcome.fingerprint[:16]


def test_the_demo_ends_with_what_came_out_and_how_to_go_on(
    app: Flask, load: Callable[..., str], data_dir: Path, expected: str
) -> None:
    printed = load()
    access = present(data_dir)
    assert fingerprint(printed) == expected
    for words in (
        "✓ campaign 推广: 2 coupons, 3 links, 7 clicks, 3 orders",
        "ledger balanced 账平",
        "yes 是",
        "debts",
        "not paid: below minimum",
        "matured",
        access.api_key,
    ):
        assert words in printed
    assert ApiClient(app, access.api_key).get("/v1/program").json["currency"] == "GBP"  # type: ignore[index]
    for who in (access.owner, *access.finance):
        assert signed_in(app, who).call("GET", "/v1/program")["timezone"] == "Europe/London"


def test_a_second_start_says_that_it_is_there_and_where(
    app: Flask, load: Callable[..., str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    before = present(data_dir)
    with served(app) as port:
        monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], port=port))
        printed = load()
    assert "there already" in printed
    assert "✓" not in printed
    assert before.api_key in printed
    here = f"http://127.0.0.1:{port}"
    assert f"{here}/docs" in printed
    campaign = msgspec.structs.replace(before.campaign, leads_to=here)
    assert present(data_dir) == msgspec.structs.replace(before, base_url=here, campaign=campaign)


@pytest.mark.parametrize("words", ["✓ members", "✓ orders", "✓ maturation", "✓ settlement", "What came out"])
def test_broken_off_it_goes_on_to_the_same_end(
    load: Callable[..., str], data_dir: Path, expected: str, words: str
) -> None:
    with pytest.raises(Broken):
        load(BreakingConsole(words))
    broken = present(data_dir)
    assert not broken.loaded
    printed = load()
    assert "goes on where it was broken off" in printed
    assert fingerprint(printed) == expected
    ended = present(data_dir)
    assert ended.loaded
    assert ended.campaign.complete
    assert (ended.program_id, ended.api_key) == (broken.program_id, broken.api_key)


def test_the_groups_of_the_demo_read_what_its_campaign_sells(
    load: Callable[..., str], app: Flask, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with played_chat(window_scale=0.01) as chat:
        settings = replace(app.config["SETTINGS"], chat_url=chat.url, chat_window_scale=0.01)
        monkeypatch.setitem(app.config, "SETTINGS", settings)
        assert book_url(chat.url) in load()
        program_id = present(data_dir).program
        chat.wait_for(lambda: work(program_id) or len(chat.texts("wecom")) > 0)
        told = "\n".join(chat.texts("wecom") + chat.texts("slack"))
        assert "£25.50" in told
        assert load().count("groups 群") == 0
        assert chat.book(outcome="refused") == []


def test_the_file_of_secrets_is_for_its_owner_alone(data_dir: Path, access: Access) -> None:
    path = data_dir / FILE
    path.write_text("of an earlier start")
    path.chmod(0o644)
    keep(path, access)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in data_dir.iterdir()] == [FILE]
    document = msgspec.json.decode(path.read_bytes())
    assert document.keys() == {
        "base_url", "program_id", "api_key", "publishable_key", "owner", "finance", "loaded", "grouped",
        "campaign",
    }  # fmt: skip
    assert document["owner"].keys() == {"email", "password"}
    assert len({person["email"] for person in document["finance"]}) == 2


def test_a_file_without_its_program_counts_as_none(app: Flask, data_dir: Path, access: Access) -> None:
    path = data_dir / FILE
    keep(path, access)
    assert kept(path) == access
    keep(path, msgspec.structs.replace(access, program_id="prg_00000000000000000000000000"))
    assert kept(path) is None
    path.write_text("{}")
    assert kept(path) is None
    path.unlink()
    assert kept(path) is None


def test_a_revoked_key_is_said_and_nothing_is_made_anew(
    load: Callable[..., str], data_dir: Path, access: Access
) -> None:
    keep(data_dir / FILE, access)
    with transaction(access.program):
        for key in keys_of(access.program):
            revoke_key(access.program, key.id)
    with pytest.raises(Unauthenticated):
        load()
    assert present(data_dir).program_id == access.program_id


def test_a_changed_password_is_said(app: Flask, access: Access) -> None:
    with pytest.raises(OfficeError, match="401"):
        signed_in(app, msgspec.structs.replace(access.owner, password="another one"))
