from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0008_fill_name_keys")]

    operations = [
        migrations.CreateModel(
            name="EpochPlace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("identity", models.CharField(max_length=32, unique=True, verbose_name="identity")),
                ("user", models.BigIntegerField(verbose_name="user")),
                ("host", models.CharField(max_length=255, verbose_name="host")),
                ("seen_at", models.DateTimeField(verbose_name="seen at")),
            ],
            options={"verbose_name": "epoch place", "verbose_name_plural": "epoch places"},
        ),
    ]
