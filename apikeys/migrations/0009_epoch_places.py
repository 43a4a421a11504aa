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
                ("identity", models.CharField(max_length=32, unique=True)),
                ("user", models.BigIntegerField()),
                ("host", models.CharField(max_length=255)),
                ("seen_at", models.DateTimeField()),
            ],
        ),
    ]
