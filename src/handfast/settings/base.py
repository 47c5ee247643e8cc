"""What every section shares: strict, frozen, every problem reported."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the settings file. Unknown keys are errors; values never change after loading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
        # TOML can say `inf`; a timeout that never ends is no limit.
        allow_inf_nan=False,
    )
