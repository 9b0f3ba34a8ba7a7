"""The opponent of `chain`: tasks as a tutorial of Django REST framework serves them, one project, no gateway."""
