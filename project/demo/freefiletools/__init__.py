"""FreeFileTools: one of the five systems of the demo."""
