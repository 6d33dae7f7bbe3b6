import io
import sys

from ablation.reporting.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch, name: str) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress(name, 3)
    progress.now("drawing")
    assert list(progress.count(iter("abc"))) == ["a", "b", "c"]
    progress.tell("one more thing")
    progress.close()
    return stream.getvalue()


def test_a_terminal_has_a_bar_and_a_file_two_lines(monkeypatch):
    assert "3/3" in shown(Terminal(), monkeypatch, "small")
    lines = shown(io.StringIO(), monkeypatch, "small").splitlines()
    assert lines == ["small: reading the results, then 3 figures are drawn", "one more thing"]


def test_who_asks_for_none_sees_none(monkeypatch):
    assert shown(Terminal(), monkeypatch, "") == "one more thing\n"
