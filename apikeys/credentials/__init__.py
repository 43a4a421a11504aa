"""An API key as text: where it travels, its shape, its digest. Knows no models."""
