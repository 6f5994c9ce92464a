"""What is said of a process that ended: what befell it, and not where in its own memory it was."""

from sidestep.lab.machine.logs import last_words
from sidestep.lab.machine.scratch import Scratch


def said(tmp_path, *lines):
    scratch = Scratch(tmp_path)
    scratch.logs.mkdir()
    (scratch.logs / "envoy-one.log").write_text("\n".join(lines) + "\n")
    return last_words(scratch, "envoy/one")


def test_a_fall_is_named_by_its_kind_and_not_by_numbers(tmp_path):
    head = "[2026-11-21 14:22:16.696][41][critical][backtrace] [./source/server/backtrace.h:1]"
    fall = f"{head} Caught Segmentation fault, suspect faulting address 0x0"
    assert said(tmp_path, "before", fall, f"{head} Envoy version: x", f"{head} #0: [0x7fcf]", f"{head} #7: []") == fall


def test_the_last_line_is_what_others_said_last(tmp_path):
    assert said(tmp_path, "first", "no such file", "") == "no such file"
