"""``country-relations teach`` writes no file over another one and says what it lacks."""


def test_file_there(fail, tmp_path):
    """A file that is there is kept, and the message names it."""
    file = tmp_path / "teacher.pt"
    file.write_text("an hour's work")
    assert str(file) in fail("teach", file)
    assert file.read_text() == "an hour's work"


def test_no_labels(fail, tmp_path):
    """Without labels there is nothing to learn from: nothing is written."""
    assert "labels" in fail("teach", tmp_path / "teacher.pt", "--without-shipped")
    assert list(tmp_path.iterdir()) == []
