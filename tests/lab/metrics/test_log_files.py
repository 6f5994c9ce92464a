"""A log is read as it grows, and exchanged for a new one without losing or repeating a line."""

from sidestep.lab.metrics import files
from sidestep.lab.metrics.files import Log
from sidestep.lab.metrics.lines import decode

TEXT = '{"message":"TcpConnectionEnd","uid":"%d","direction":"outbound"}\n'


def read(log):
    return [int(each.uid) for each in log.lines()]


def test_a_line_counts_once_and_when_it_is_whole(tmp_path):
    path = tmp_path / "access.log"
    log = Log(path, lambda: None, decode)
    assert read(log) == []
    path.write_text(TEXT % 1 + (TEXT % 2)[:20])
    assert read(log) == [1]
    with path.open("a") as file:
        file.write((TEXT % 2)[20:] + "[warning] no JSON\n" + TEXT % 3)
    assert read(log) == [2, 3]
    assert read(log) == []
    log.close()


def test_a_log_that_grew_large_is_exchanged_and_what_comes_late_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_MOST", 100)
    path, asked = tmp_path / "access.log", []
    log = Log(path, lambda: asked.append(True), decode)
    path.write_text("".join(TEXT % each for each in range(3)))
    writer = path.open("a")
    assert read(log) == [0, 1, 2]
    assert read(log) == []
    assert asked == [True]
    writer.write(TEXT % 3)
    writer.close()
    assert read(log) == [3]
    path.write_text(TEXT % 4)
    assert read(log) == []
    assert read(log) == [4]
    assert asked == [True]
    log.close()
