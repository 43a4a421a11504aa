"""A host's app with one model, for views of tests that need rows of a workspace."""
