from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("eventbus", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="outboxevent",
            name="outbox_due",
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="quarantined_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="refusal",
            field=models.TextField(blank=True, default="", db_default=""),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="refusals",
            field=models.PositiveIntegerField(default=0, db_default=0),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                condition=models.Q(("quarantined_at", None), ("sent_at", None)),
                fields=["claimed_until"],
                name="outbox_due",
            ),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                condition=models.Q(("quarantined_at__isnull", False)),
                fields=["quarantined_at"],
                name="outbox_quarantine",
            ),
        ),
    ]
