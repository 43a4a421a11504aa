"""A small API in the default dialect: notes of a workspace."""
