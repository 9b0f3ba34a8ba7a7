"""The API: one ModelSerializer, one ModelViewSet, one router."""

from rest_framework.routers import DefaultRouter
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet

from tests.benchmarks.plain.models import Task


class TaskSerializer(ModelSerializer):
    class Meta:
        model = Task
        fields = "__all__"


class TaskViewSet(ModelViewSet):
    serializer_class = TaskSerializer

    def get_queryset(self):
        mine = Task.objects.filter(list__owner=self.request.user)
        return mine.filter(list=self.request.query_params["list"]).order_by("rank", "id")

    def perform_create(self, serializer):
        serializer.save(created_by=self.request.user)


router = DefaultRouter()
router.register("tasks", TaskViewSet, basename="task")
urlpatterns = router.urls
