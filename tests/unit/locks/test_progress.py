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


def test_rows_of_a_table_have_no_size_to_tell(capsys):
    with progress(10, "rna 1-of-1") as advance:
        for _ in range(10):
            advance(0)
    assert capsys.readouterr().err.splitlines()[-1] == "rna 1-of-1: 10 of 10 items"
