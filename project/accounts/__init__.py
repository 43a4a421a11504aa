"""Users who log in with an e-mail address."""
