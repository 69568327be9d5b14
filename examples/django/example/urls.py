"""The routes."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home),
    path("connect", views.connect),
    path("callback", views.callback),
    path("disconnect", views.disconnect),
]
