"""FastCMS: collections, records and files behind scoped keys, and an API to manage the keys."""
