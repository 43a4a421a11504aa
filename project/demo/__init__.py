"""The demo APIs on top of `apikeys`, one package each, and the data they start with."""
