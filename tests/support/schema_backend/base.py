"""PostgreSQL with ``set_schema``: the name is kept on the connection, each cursor sets the path."""

from __future__ import annotations

from typing import Any

from apikeys.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.schema_name = "public"
        super().__init__(*args, **kwargs)

    def set_schema(self, schema_name: str) -> None:
        self.schema_name = schema_name

    def _cursor(self, name: str | None = None) -> Any:
        cursor = super()._cursor(name)
        with self.connection.cursor() as setting:
            setting.execute("SELECT set_config('search_path', %s, false)", [self.schema_name])
        return cursor
