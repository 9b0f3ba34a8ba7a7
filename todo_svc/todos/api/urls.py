"""The addresses of `public-api`, section TODO."""

from django.urls import path

from todo_svc.todos.api.views import comments, labels, lists, shares, tasks, trash

LIST, TASK = "v1/lists/<uuid:list_id>", "v1/tasks/<uuid:task_id>"

urlpatterns = [
    path("v1/lists", lists.ListCollection.as_view()),
    path(LIST, lists.ListItem.as_view()),
    path(f"{LIST}/archive", lists.ListArchive.as_view()),
    path(f"{LIST}/unarchive", lists.ListUnarchive.as_view()),
    path(f"{LIST}/activity", lists.ListActivity.as_view()),
    path(f"{LIST}/tasks", tasks.ListTasks.as_view()),
    path(f"{LIST}/shares", shares.ListShareCollection.as_view()),
    path(f"{LIST}/shares/<uuid:share_id>", shares.ListShareItem.as_view()),
    path("v1/tasks", tasks.TaskCollection.as_view()),
    path(TASK, tasks.TaskItem.as_view()),
    path(f"{TASK}/complete", tasks.TaskComplete.as_view()),
    path(f"{TASK}/reopen", tasks.TaskReopen.as_view()),
    path(f"{TASK}/move", tasks.TaskMove.as_view()),
    path(f"{TASK}/activity", tasks.TaskActivity.as_view()),
    path(f"{TASK}/comments", comments.CommentCollection.as_view()),
    path(f"{TASK}/comments/<uuid:comment_id>", comments.CommentItem.as_view()),
    path(f"{TASK}/shares", shares.TaskShareCollection.as_view()),
    path(f"{TASK}/shares/<uuid:share_id>", shares.TaskShareItem.as_view()),
    path("v1/labels", labels.LabelCollection.as_view()),
    path("v1/labels/<uuid:label_id>", labels.LabelItem.as_view()),
    path("v1/trash", trash.TrashCollection.as_view()),
    path("v1/trash/<uuid:entry_id>", trash.TrashItem.as_view()),
    path("v1/trash/<uuid:entry_id>/restore", trash.TrashRestore.as_view()),
]
