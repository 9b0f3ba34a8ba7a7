"""Makes the database in PLAIN_HOME, and writes as JSON what a client needs: a token, a full list, an empty one."""

import json
import sys

from django.core.management import call_command

from tests.benchmarks.plain.wsgi import application


def main(tasks):
    """Migrate, and make a user with two lists."""
    assert application  # by it Django is set up, which what follows needs
    from django.contrib.auth.models import User  # noqa: PLC0415
    from rest_framework.authtoken.models import Token  # noqa: PLC0415

    from tests.benchmarks.plain.models import Task, TaskList  # noqa: PLC0415

    call_command("migrate", run_syncdb=True, verbosity=0)
    user = User.objects.create_user("bench")
    full, empty = (TaskList.objects.create(name=name, owner=user) for name in ("Full", "Empty"))
    for number in range(tasks):
        Task.objects.create(list=full, title=f"Task {number}", rank=f"a{number:02}", created_by=user)
    made = {"token": Token.objects.create(user=user).key, "full": str(full.id), "empty": str(empty.id)}
    print(json.dumps(made))


if __name__ == "__main__":
    main(int(sys.argv[1]))
