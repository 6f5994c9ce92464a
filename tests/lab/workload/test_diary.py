"""What a container writes down: every answer, within a bound."""

import asyncio

from sidestep.lab.workload.diary import Diary
from sidestep.lab.workload.exchange import Asked, Peer, Reply

ASKED = Asked("HTTP/1.1", "GET", "/a", (), b"", 0, Peer("10.0.0.1:5", "10.0.0.2:80"))


def written(path, answers, limit=1 << 20):
    async def play():
        diary = Diary(path, limit)
        for _ in range(answers):
            diary.note(ASKED, Reply(200, (), b"abc"))
        diary.write()

    asyncio.run(play())


def test_a_line_for_each_answer(tmp_path):
    path = tmp_path / "a.log"
    written(path, 2)
    assert [each.split(" ", 1)[1] for each in path.read_text().splitlines()] == [
        "200 HTTP/1.1 GET /a from 10.0.0.1:5, 3 bytes"
    ] * 2


def test_a_storm_is_counted(tmp_path):
    path = tmp_path / "a.log"
    written(path, 1500)
    assert path.read_text().splitlines()[-1] == "… and 500 more in the same moment"


def test_files_stay_within_the_bound(tmp_path):
    path = tmp_path / "a.log"
    for _ in range(6):
        written(path, 100, limit=1000)
    assert path.stat().st_size + path.with_suffix(".old").stat().st_size < 16_000
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_is_gone_harms_nobody(tmp_path):
    written(tmp_path / "gone" / "a.log", 1)
