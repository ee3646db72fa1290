"""Keys are made once, for the owner's eyes, and never replaced."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, load

FILES = ("signing_key", "encryption_keys", "lookup_key")


def keys_of(settings: Settings) -> tuple[object, ...]:
    return settings.signing_key, dict(settings.encryption_keys), settings.lookup_key


def encoded(size: int, first: int = 0) -> str:
    return base64.b64encode(bytes(range(first, first + size))).decode()


def test_the_first_start_makes_keys_and_later_ones_use_them(tmp_path: Path) -> None:
    first = load({"DATA_DIR": str(tmp_path)})
    assert len(first.signing_key) >= 32
    assert [len(key) for key in first.encryption_keys.values()] == [32]
    assert keys_of(load({"DATA_DIR": str(tmp_path)})) == keys_of(first)
    assert keys_of(load({"DATA_DIR": str(tmp_path / "other")})) != keys_of(first)


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    previous = os.umask(0)  # the most careless user
    try:
        load({"DATA_DIR": str(tmp_path)})
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == dict.fromkeys(
        FILES, 0o600
    )


def test_many_first_starts_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: keys_of(load({"DATA_DIR": str(tmp_path)})), range(64)))
    assert all(keys == found[0] for keys in found)
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", ["", "no base64!", "k1:", "c2hvcnQ=", "k1:c2hvcnQ="])
def test_a_malformed_file_refuses_to_start_and_stays(tmp_path: Path, name: str, content: str) -> None:
    load({"DATA_DIR": str(tmp_path)})
    path = tmp_path / "secrets" / name
    path.write_text(content)
    with pytest.raises(SettingsError, match=str(path)):
        load({"DATA_DIR": str(tmp_path)})
    assert path.read_text() == content


def test_a_file_that_others_may_read_refuses_to_start(tmp_path: Path) -> None:
    load({"DATA_DIR": str(tmp_path)})
    path = tmp_path / "secrets" / "signing_key"
    path.chmod(0o640)
    with pytest.raises(SettingsError, match=f"chmod 600 {path}"):
        load({"DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    "value",
    [
        "k1",
        "k1:c2hvcnQ=",
        f"k1:{encoded(33)}",
        f"k1:{encoded(32)},k1:{encoded(32)}",
        f"ä:{encoded(32)}",
        ",",
        f":{encoded(32)}",
    ],
)
def test_malformed_encryption_keys_refuse_to_start(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="ENCRYPTION_KEYS"):
        load({"DATA_DIR": str(tmp_path), "ENCRYPTION_KEYS": value})


def test_a_wrong_start_makes_no_keys(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load({"DATA_DIR": str(tmp_path), "PORT": "x"})
    assert not (tmp_path / "secrets").exists()


def test_given_keys_win_and_the_first_one_is_current(tmp_path: Path) -> None:
    old, new = encoded(32), encoded(32, first=1)
    settings = load({"DATA_DIR": str(tmp_path), "ENCRYPTION_KEYS": f"k2:{new}, k1:{old}"})
    assert list(settings.encryption_keys) == ["k2", "k1"]
    assert settings.encryption_keys["k1"] == base64.b64decode(old)
    assert not (tmp_path / "secrets" / "encryption_keys").exists()


def test_the_url_safe_alphabet_is_understood(tmp_path: Path) -> None:
    key = b"\xff\xfe" * 16
    settings = load({"DATA_DIR": str(tmp_path), "SIGNING_KEY": base64.urlsafe_b64encode(key).decode()})
    assert settings.signing_key == key
