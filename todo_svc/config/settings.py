"""Settings of the TODO service: the platform's base, and what is its own."""

from libs.service.settings import *

SERVICE = "todo"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.webapi", "libs.eventbus", "todo_svc.todos"]
ROOT_URLCONF = "todo_svc.config.urls"
ASGI_APPLICATION = "todo_svc.config.asgi.application"
ROUTES = ["/v1/lists", "/v1/tasks", "/v1/labels", "/v1/trash"]
REACTIONS = "todo_svc.todos.reactions.REACTIONS"
WORKER_QUEUES = ["todo.events"]
SERVE_PARTS = ["todo_svc.todos.sweeper.Sweeper"]
configure(globals())
