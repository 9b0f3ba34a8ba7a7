"""Addresses of accounts."""

from django.urls import path

from auth_svc.accounts.api import internal, pats, signin, views

urlpatterns = [
    path("v1/auth/register", views.Register.as_view()),
    path("v1/auth/login", signin.Login.as_view()),
    path("v1/auth/token/refresh", signin.Refresh.as_view()),
    path("v1/auth/token/revoke", signin.Revoke.as_view()),
    path("v1/auth/token/introspect", internal.Introspect.as_view()),
    path("v1/auth/logout", signin.Logout.as_view()),
    path("v1/auth/logout-all", signin.LogoutAll.as_view()),
    path("v1/auth/sessions", signin.SessionCollection.as_view()),
    path("v1/auth/sessions/<uuid:session_id>", signin.SessionItem.as_view()),
    path("v1/auth/pats", pats.PatCollection.as_view()),
    path("v1/auth/pats/<uuid:token_id>", pats.PatItem.as_view()),
    path("v1/auth/password/change", views.PasswordChange.as_view()),
    path("v1/users/me", views.Me.as_view()),
    path("v1/users/me/keep", views.Keep.as_view()),
    path(".well-known/jwks.json", signin.Jwks.as_view()),
    path("internal/v1/revocations", internal.Revocations.as_view()),
    path("internal/v1/pats/<str:digest>", internal.Pat.as_view()),
]
