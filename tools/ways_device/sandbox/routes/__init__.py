"""The calls of the API, one module per resource. No state here."""
