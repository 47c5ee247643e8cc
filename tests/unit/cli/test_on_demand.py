import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handfast import cli
from handfast.cli import app
from handfast.cli.on_demand import FILES


def loaded_by(*words: str) -> set[str]:
    """The modules of the command line that a call of it loads."""
    program = (
        "import sys\n"
        "from handfast.cli import app\n"
        f"sys.argv = ['handfast', *{words!r}]\n"
        "try:\n    app()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, sep='\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_command_loads_its_own_file_and_no_other_command_s():
    loaded = loaded_by("account", "list", "--settings", "/nowhere/handfast.toml")
    others = {f"handfast.cli.{file}" for name, file in FILES.items() if name != "account"}
    assert "handfast.cli.account" in loaded
    assert not loaded & others
    assert not loaded & {"rich", "sqlalchemy", "cryptography"}


@pytest.mark.parametrize("name", FILES)
def test_each_command_is_where_the_table_says(name):
    result = CliRunner().invoke(app, [name, "--help"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert result.exit_code == 0
    assert f"handfast {name} " in " ".join(result.stdout.split())


def test_help_names_all_but_the_hidden_in_order():
    text = CliRunner().invoke(app, ["--help"], env={"TERM": "dumb", "COLUMNS": "200"}).stdout
    commands = text.partition("Commands")[2]
    shown = [word for line in commands.splitlines() for word in line.split()[1:2] if word in FILES]
    assert shown == [name for name in FILES if name != "worker"]


def test_an_unknown_command_is_told_from_a_misspelt_one():
    misspelt = CliRunner().invoke(app, ["acount", "list"])
    assert misspelt.exit_code == 2
    assert "Did you mean 'account'" in " ".join(misspelt.output.split())
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_no_command_s_file_is_forgotten():
    folder = Path(cli.__file__).parent
    modules = {path.stem: import_module(f"handfast.cli.{path.stem}") for path in folder.glob("[a-z]*.py")}
    holders = {
        name for name, module in modules.items() if hasattr(module, "commands") or hasattr(module, "register")
    }
    assert holders == set(FILES.values())


def test_the_version_is_that_of_the_package():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"handfast {project['version']}\n")
