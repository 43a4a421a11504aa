"""What a service refused, as errors of the form that asked for it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.forms import BaseForm

from apikeys.services.errors import ServiceError


def add_service_error(form: BaseForm, error: ServiceError) -> None:
    """Put a service's refusal on the field it concerns, or above the form.

    Args:
        form: a bound form that has been validated.
        error: what the service raised; its code becomes the code of the form's error.
    """
    field = error.field if error.field in form.fields else None
    form.add_error(field, ValidationError(error.message, code=error.code))
