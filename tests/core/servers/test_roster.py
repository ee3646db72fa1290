"""Which processes the settings ask for."""

from pathlib import Path

from config.settings import load
from core.servers.roster import Program, roster


def clicks(tmp_path: Path, **variables: str) -> list[Program]:
    programs = roster(load({"DATA_DIR": str(tmp_path)} | variables))
    return [program for program in programs if program.name == "clicks"]


def test_the_web_answers_clicks_unless_they_get_a_port_of_their_own(tmp_path: Path) -> None:
    assert clicks(tmp_path) == []


def test_clicks_of_their_own_have_one_thread_each(tmp_path: Path) -> None:
    (program,) = clicks(tmp_path, CLICKS_PORT="8123", CLICKS_WORKERS="3", WEB_THREADS="9")
    words = " ".join(program.command)
    assert "--port 8123 --workers 3 --blocking-threads 1" in words
    assert program.waits_for == ("migrated",)
