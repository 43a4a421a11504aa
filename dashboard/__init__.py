"""The admins' browser pages over ``apikeys.services``."""
