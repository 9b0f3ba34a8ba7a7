"""Addresses of deliveries."""

from django.urls import path

from events_svc.deliveries.api import views

urlpatterns = [
    path("v1/subscriptions", views.SubscriptionCollection.as_view()),
    path("v1/events", views.EventCollection.as_view()),
    path("v1/deliveries", views.DeliveryCollection.as_view()),
    path("v1/deliveries/<int:delivery_id>/retry", views.DeliveryRetry.as_view()),
    path("v1/deliveries/<int:delivery_id>/skip", views.DeliverySkip.as_view()),
    path("v1/replays", views.ReplayCollection.as_view()),
    path("v1/stats", views.Stats.as_view()),
    path("internal/v1/events/confirm", views.Confirm.as_view()),
]
