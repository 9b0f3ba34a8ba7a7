from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deliveries", "0004_refusals"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="silences",
            field=models.PositiveIntegerField(default=0, db_default=0),
        ),
    ]
