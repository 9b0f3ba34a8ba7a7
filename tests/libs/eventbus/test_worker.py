import pytest
from django.db import connection

from libs.eventbus import worker


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_open_where_a_worker_may_fork():
    connection.ensure_connection()

    worker.close_databases()

    assert connection.connection is None
