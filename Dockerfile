# One image for all services: `docker build --build-arg SERVICE=todo .`
FROM python:3.11-slim-bookworm

ARG SERVICE
ENV UV_PROJECT_ENVIRONMENT=/app/.venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MT_HOME=/data MT_HOST=0.0.0.0

RUN useradd --system --uid 10001 --home-dir /data --create-home app \
    && python -m venv /app/.venv \
    && /app/.venv/bin/pip install --no-cache-dir uv==0.13.9
WORKDIR /app

# Libraries first: they change less often than code.
COPY pyproject.toml uv.lock ./
COPY libs/pyproject.toml libs/
COPY ${SERVICE}_svc/pyproject.toml ${SERVICE}_svc/
RUN .venv/bin/uv sync --package ${SERVICE}-svc --extra distributed --no-dev --frozen --inexact --no-install-workspace

COPY libs libs
COPY ${SERVICE}_svc ${SERVICE}_svc
# `libs` is installed editable on purpose: that puts /app on the import path (docs/adr/0001).
RUN .venv/bin/uv sync --package ${SERVICE}-svc --extra distributed --no-dev --frozen --inexact \
    && ln -s /app/${SERVICE}_svc/manage.py /app/manage.py

USER app
VOLUME /data
ENTRYPOINT ["/app/.venv/bin/python", "/app/manage.py"]
CMD ["serve"]
