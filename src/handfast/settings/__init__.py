"""The one settings file, as a frozen typed model: one module a section, `load.py` reads and explains."""
