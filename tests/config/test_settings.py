"""What the environment may say, and what a wrong one is told."""

import base64
import json
from pathlib import Path

import pytest

from config import paths
from config.__main__ import lines, main
from config.settings import SettingsError, load

KEY = base64.b64encode(bytes(range(32))).decode()
KEYS = {"SIGNING_KEY": KEY, "ENCRYPTION_KEYS": f"k2:{KEY},k1:{KEY}", "LOOKUP_KEY": KEY}
EXTERNAL = {"DATABASE_URL": "postgres://app:pa55@db.example:5433/shop", **KEYS}


def refusal(variables: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(variables)
    return str(caught.value)


def test_an_empty_environment_means_embedded_servers_and_the_demo(tmp_path: Path) -> None:
    settings = load({"DATA_DIR": str(tmp_path / "d")})
    assert settings.embedded_postgres
    assert settings.embedded_valkey
    assert settings.demo
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url.startswith("postgresql+psycopg://banyan_app@/banyan?host=")
    assert settings.admin_database_url.startswith("postgresql+psycopg://banyan@/banyan?host=")
    assert settings.redis_url == f"unix://{paths.valkey_socket(tmp_path / 'd')}"


def test_a_relative_data_dir_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({"DATA_DIR": "here"}).data_dir == tmp_path / "here"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_scheme_is_understood(tmp_path: Path, scheme: str) -> None:
    variables = EXTERNAL | {"DATA_DIR": str(tmp_path), "DATABASE_URL": f"{scheme}://app:pa55@db.example:5433/shop"}
    settings = load(variables)
    assert settings.database_url == "postgresql+psycopg://app:pa55@db.example:5433/shop"
    assert settings.admin_database_url == settings.database_url
    assert not settings.embedded_postgres
    assert not settings.demo, "nobody wants invented members in a database of his own"


def test_a_socket_address_keeps_its_query(tmp_path: Path) -> None:
    variables = EXTERNAL | {"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://app@/shop?host=/run/pg"}
    assert load(variables).database_url == "postgresql+psycopg://app@/shop?host=/run/pg"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("DEMO", "maybe"),
        ("LOG_LEVEL", "loud"),
        ("WEB_WORKERS", "0"),
        ("WEB_THREADS", "1.5"),
        ("JOB_LEASE_SECONDS", "1"),
        ("RELAY_POLL_SECONDS", "nan"),
        ("RAIL_TIMEOUT_SECONDS", "-1"),
        ("SANDBOX_URL", "localhost:9"),
        ("REDIS_URL", "http://localhost"),
        ("DATABASE_URL", "mysql://localhost/shop"),
        ("DATABASE_URL", "postgresql://localhost"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(tmp_path: Path, name: str, value: str) -> None:
    message = refusal(KEYS | {"DATA_DIR": str(tmp_path), name: value})
    assert name in message
    assert value in message
    assert "expected" in message


def test_all_wrong_variables_are_named_at_once(tmp_path: Path) -> None:
    message = refusal({"DATA_DIR": str(tmp_path), "PORT": "x", "DEMO": "y", "LOG_LEVEL": "z"})
    assert all(name in message for name in ("PORT", "DEMO", "LOG_LEVEL"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://app:pa55/word@db/shop"),
        ("DATABASE_URL", "host=db password=pa55/word"),
        ("DATABASE_URL", "mysql://db/shop?user=a&password=pa55/word"),
        ("REDIS_URL", "http://:pa55/word@cache"),
        ("SIGNING_KEY", "pa55/word"),
        ("ENCRYPTION_KEYS", "k1:pa55/word"),
        ("LOOKUP_KEY", "pa55/word"),
    ],
)
def test_a_refusal_never_shows_a_secret(tmp_path: Path, name: str, value: str) -> None:
    message = refusal(EXTERNAL | {"DATA_DIR": str(tmp_path), name: value})
    assert name in message
    assert "pa55" not in message


@pytest.mark.parametrize("missing", list(KEYS))
def test_a_database_of_ones_own_needs_keys_of_ones_own(tmp_path: Path, missing: str) -> None:
    load({"DATA_DIR": str(tmp_path)})  # an earlier embedded start left keys, which must not slip in
    variables = EXTERNAL | {"DATA_DIR": str(tmp_path)}
    del variables[missing]
    assert f"{missing} is not given" in refusal(variables)


def test_an_owner_address_without_a_database_of_ones_own_is_refused(tmp_path: Path) -> None:
    assert "DATABASE_ADMIN_URL" in refusal({"DATA_DIR": str(tmp_path), "DATABASE_ADMIN_URL": "postgresql://a@b/c"})


def test_the_web_may_not_take_more_connections_than_there_are(tmp_path: Path) -> None:
    crowd = {"DATA_DIR": str(tmp_path), "WEB_WORKERS": "9", "WEB_THREADS": "9"}
    assert "WEB_WORKERS × WEB_THREADS" in refusal(crowd)
    assert load(EXTERNAL | crowd).web_workers == 9


def test_processes_for_clicks_take_connections_as_well(tmp_path: Path) -> None:
    full = {"DATA_DIR": str(tmp_path), "WEB_WORKERS": "8", "WEB_THREADS": "10", "CLICKS_WORKERS": "2"}
    assert load(full).clicks_port is None
    assert "expected at most 78 in all" in refusal(full | {"CLICKS_PORT": "8001"})


def test_web_and_clicks_listen_on_different_ports(tmp_path: Path) -> None:
    variables = {"DATA_DIR": str(tmp_path), "PORT": "8100", "CLICKS_PORT": "8101"}
    assert load(variables).clicks_port == 8101
    assert "CLICKS_PORT is 8100: expected another one than PORT" in refusal(variables | {"CLICKS_PORT": "8100"})


def test_a_data_dir_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert f"DATA_DIR is '{tmp_path}/file/d'" in refusal({"DATA_DIR": f"{tmp_path}/file/d"})


@pytest.mark.parametrize("name", ["a" * 120, "my shop", "a=b"])
def test_a_data_dir_unfit_for_sockets_gets_other_paths_for_them(tmp_path: Path, name: str) -> None:
    long = tmp_path / name
    socket = paths.postgres_socket_dir(long) / paths.POSTGRES_SOCKET_NAME
    assert len(str(socket)) < 100
    assert name not in str(socket)
    assert paths.valkey_socket(long).parent == paths.sockets_dir(long)
    assert paths.sockets_dir(long) == paths.sockets_dir(Path(str(long)))
    assert paths.sockets_dir(long) != paths.sockets_dir(long / "other")


def test_the_sandbox_address_is_read_when_asked(tmp_path: Path) -> None:
    settings = load({"DATA_DIR": str(tmp_path)})
    assert settings.sandbox_address() is None
    settings.run_dir.mkdir()
    (settings.run_dir / "sandbox.json").write_text(json.dumps({"url": "http://127.0.0.1:4711"}))
    assert settings.sandbox_address() == "http://127.0.0.1:4711"
    given = load({"DATA_DIR": str(tmp_path), "SANDBOX_URL": "http://rail.example:1/"})
    assert given.sandbox_address() == "http://rail.example:1"


def test_neither_the_check_nor_a_repr_shows_a_secret(tmp_path: Path) -> None:
    settings = load(EXTERNAL | {"DATA_DIR": str(tmp_path), "REDIS_URL": "redis://:pa55@cache/1"})
    shown = "\n".join(lines(settings))
    assert "postgresql+psycopg://app:***@db.example:5433/shop" in shown
    assert "k2:***, k1:***" in shown
    for text in (shown, repr(settings)):
        assert "pa55" not in text
        assert KEY not in text
        assert repr(bytes(range(32))) not in text


def test_the_check_command_tells_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "http")
    assert main(["check"]) == 1
    assert "PORT is 'http'" in capsys.readouterr().err
    assert main(["nonsense"]) == 2


def test_the_keys_command_prints_keys_that_are_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys"]) == 0
    printed = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert load(EXTERNAL | printed | {"DATA_DIR": str(tmp_path)}).signing_key


def test_private_addresses_are_refused_unless_the_operator_allows_them(tmp_path: Path) -> None:
    assert not load({"DATA_DIR": str(tmp_path)}).allow_private_urls
    assert load({"DATA_DIR": str(tmp_path), "ALLOW_PRIVATE_URLS": "1"}).allow_private_urls
    assert "ALLOW_PRIVATE_URLS" in refusal({"DATA_DIR": str(tmp_path), "ALLOW_PRIVATE_URLS": "perhaps"})
