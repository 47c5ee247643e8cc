import json
from pathlib import Path

from handfast.settings.model import Settings
from handfast.settings.reference import json_schema, reference_markdown

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_what_the_model_says():
    assert (ROOT / "docs/settings.md").read_text() == reference_markdown(), (
        "run: handfast settings reference > docs/settings.md"
    )


def test_the_schema_is_the_golden_one():
    golden = ROOT / "tests/golden/settings/schema.json"
    assert json.loads(golden.read_text()) == json.loads(json.dumps(json_schema())), (
        "run: handfast settings schema > tests/golden/settings/schema.json, and review the change"
    )


def test_every_key_says_what_it_means():
    def walk(model, path):
        for name, field in model.model_fields.items():
            assert field.description, f"{path}.{name} has no help"

    from handfast.settings.reference import _find_model

    seen = [(Settings, "")]
    while seen:
        model, path = seen.pop()
        walk(model, path)
        seen += [(m, n) for n, f in model.model_fields.items() if (m := _find_model(f.annotation)[0])]


def test_the_schema_uses_the_files_own_names():
    assert set(json_schema()["properties"]) >= {"listener", "publication", "policy", "identity"}
