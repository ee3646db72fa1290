"""The demo's own data: small, licensed, and cut from the full set in a way that can be repeated."""

import gzip
import os
from pathlib import Path

import pytest

from demo.cut import cut, uplines
from demo.load import DATA
from demo.retail import COLUMNS, RetailFolder, SourceError, rows_of

REPOSITORY = Path(DATA).parents[1]
FULL_SET = Path(os.environ.get("DATA", REPOSITORY.parent / "shared" / "data" / "online_retail"))


def test_the_demos_data_is_small_and_carries_its_licence() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 1_000_000
    licence = (DATA / "README.md").read_text(encoding="utf-8")
    for words in ("Online Retail", "Daqing Chen", "UCI Machine Learning Repository", "CC BY 4.0", "Marref"):
        assert words in licence


def test_the_demos_readme_counts_what_is_there() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    extent = RetailFolder(DATA).extent()
    for count in (extent.members, extent.lines, extent.orders, extent.refunds):
        assert f"{count:,} " in readme


def test_everybody_who_ordered_is_a_member_with_his_whole_upline() -> None:
    folder = RetailFolder(DATA)
    known: set[str | None] = {None}
    for member in folder.members():
        assert member.inviter in known
        known.add(member.external_id)
    assert {order.customer_external_id for order in folder.orders()} <= known


def test_cutting_a_cut_gives_the_same_bytes(tmp_path: Path) -> None:
    done = cut(DATA, tmp_path, "2010-12")
    assert done.orders == RetailFolder(DATA).extent().orders
    for name in COLUMNS:
        assert (tmp_path / name).read_bytes()[:8] == (DATA / name).read_bytes()[:8]  # no date in the file
        assert gzip.decompress((tmp_path / name).read_bytes()) == gzip.decompress((DATA / name).read_bytes())


@pytest.mark.skipif(not FULL_SET.is_dir(), reason="the full set is not on this machine: name it in DATA")
def test_the_demos_data_is_the_cut_of_the_full_set(tmp_path: Path) -> None:
    cut(FULL_SET, tmp_path, "2010-12")
    for name in COLUMNS:
        assert list(rows_of(tmp_path / name)) == list(rows_of(DATA / name))


def test_a_month_without_orders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="2009-01"):
        cut(DATA, tmp_path / "nothing", "2009-01")
    assert not (tmp_path / "nothing").exists()


def test_uplines_are_whole_and_nobody_else() -> None:
    members = [["a", "", ""], ["b", "a", ""], ["c", "b", ""], ["d", "a", ""], ["e", "", ""]]
    assert [row[0] for row in uplines(members, {"c"})] == ["a", "b", "c"]
