"""The tables of commands and versions against the document's."""

from handfast.protocols.activesync.commands import (
    CODE_BY_COMMAND,
    COMMAND_BY_CODE,
    COMMAND_BY_FOLDED_NAME,
    Command,
)


def test_codes_of_the_base64_form():
    assert sorted(COMMAND_BY_CODE) == [0, 1, 2, 3, 4, *range(9, 24)]
    assert CODE_BY_COMMAND[Command.PING] == 18
    assert CODE_BY_COMMAND[Command.FIND] == 23
    assert Command.OPTIONS not in CODE_BY_COMMAND


def test_names_fold_uniquely():
    assert len(COMMAND_BY_FOLDED_NAME) == len(Command)
    assert COMMAND_BY_FOLDED_NAME["foldersync"] is Command.FOLDER_SYNC
