"""One module a measurement; `registry.py` lists them."""
