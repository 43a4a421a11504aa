"""A column that keeps the form in which names are compared, and how to fill it. Knows no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connections, models, transaction

from apikeys.visible import compared

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField


PAGE: Final = 500


class ComparedField(CharField):
    """``visible.compared`` of another text field, made anew whenever the row is saved.

    Empty means that it is not known: the source was written by a process that does not know this
    column, or by an expression. Who reads it compares the source of such rows instead.

    Args:
        source: the name of that field.
    """

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def made_from(self, text: object) -> str:
        """Return what this column holds for that text, empty for an expression of the database's.

        What is too long is cut off.
        """
        if hasattr(text, "resolve_expression"):
            return ""
        return compared(str(text))[: self.max_length]

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.made_from(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, value)
        return value


def fill(rows: models.QuerySet[Any], column: str) -> None:
    """Write a ``ComparedField`` anew where it is not what its source makes of it.

    By pages of the primary key, since behind a pooler there is no cursor. Each is a transaction of
    its own that locks, in that order, no more than the rows it writes.
    """
    field = rows.model._meta.get_field(column)
    seen = rows.order_by("pk").values_list("pk", field.source, column)
    last = 0
    while page := list(seen.filter(pk__gt=last)[:PAGE]):
        last = page[-1][0]
        if stale := [pk for pk, text, held in page if held != field.made_from(text)]:
            _write(rows.filter(pk__in=stale), field)


def _write(rows: models.QuerySet[Any], field: Any) -> None:
    connection = connections[rows.db]
    quote = connection.ops.quote_name
    table, key = quote(rows.model._meta.db_table), quote(rows.model._meta.pk.column)
    with transaction.atomic(using=rows.db), connection.cursor() as cursor:
        locked = rows.select_for_update(no_key=True).order_by("pk")
        texts = list(locked.values_list("pk", field.source))
        cursor.executemany(
            f"UPDATE {table} SET {quote(field.column)} = %s WHERE {key} = %s",  # noqa: S608  # nosec B608  # the model's names
            [(field.made_from(text), pk) for pk, text in texts],
        )
