from stack.merge.progress import Progress


def test_a_name_that_would_drive_the_terminal_is_spelled_out(capsys):
    progress = Progress(as_json=False)
    progress.merged(1, 2, "a\x1b]0;x\x07.jpg", "")
    progress.skipped("b\r\x9b2J\u202egpj.jpg", "the file is empty")
    progress.fail("in/c\x1b[2J.jpg: the file is empty")
    assert capsys.readouterr().err == (
        "merged 1 of 2  a\\x1b]0;x\\x07.jpg\n"
        "b\\r\\x9b2J\\u202egpj.jpg was left out: the file is empty\n"
        "focusctl merge: in/c\\x1b[2J.jpg: the file is empty\n"
    )


def test_names_of_every_script_are_shown_as_they_are(capsys):
    Progress(as_json=False).said("甲虫\u3000é👩\u200d🔬.jpg")
    assert capsys.readouterr().err == "甲虫\u3000é👩\u200d🔬.jpg\n"
