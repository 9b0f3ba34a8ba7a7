from django.db import migrations, models

# A claim could lease a delivery that was acknowledged at the same moment: it was never sent again nor counted as done.
MEND = """
    UPDATE deliveries_delivery SET status = 'acked', error = ''
    WHERE done_at IS NOT NULL AND status IN ('pending', 'sent')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("deliveries", "0004_refusals"),
    ]

    operations = [
        migrations.RunSQL(MEND, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="delivery",
            name="silences",
            field=models.PositiveIntegerField(default=0, db_default=0),
        ),
    ]
