"""Texts that people type: what of them is visible, and which mean the same. Pure."""
