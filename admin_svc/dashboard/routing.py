"""Addresses of the sockets."""

from django.urls import path

from admin_svc.dashboard.consumers import LogsConsumer, TopicConsumer

websocket_urlpatterns = [
    path("ws/logs/", LogsConsumer.as_asgi()),
    path("ws/topics/<slug:topic>/", TopicConsumer.as_asgi()),
]
