"""The REST management API: serializers and views over ``services``, no rule of its own."""
