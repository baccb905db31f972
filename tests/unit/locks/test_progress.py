from mgi.locks.batch import progress


def test_a_log_gets_one_line_for_every_tenth(capsys):
    with progress(40, "images 1-of-2") as advance:
        for _ in range(40):
            advance(500_000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "images 1-of-2: 4 of 40 items, 2.0 MB"
    assert lines[-1] == "images 1-of-2: 40 of 40 items, 20.0 MB"


def test_nothing_to_do_says_nothing(capsys):
    with progress(0, "images"):
        pass
    assert capsys.readouterr().err == ""
