# Two stages: the first installs what the lock file names, the second carries only what serves.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements/service.txt /tmp/service.txt
RUN /opt/venv/bin/pip install --require-hashes --no-deps -r /tmp/service.txt
WORKDIR /app
COPY pyproject.toml README.md ./
COPY relations relations
COPY service service
# Of these the packages alone, since pyproject.toml names them.
COPY training/__init__.py training/__init__.py
COPY training/formats/__init__.py training/formats/__init__.py
COPY country_relations_client/__init__.py country_relations_client/__init__.py
COPY cli cli
# Editable: the code stays beside the data it reads, as in a clone.
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/python -m compileall -q /app \
    && /opt/venv/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim
LABEL org.opencontainers.image.title="country-relations" \
      org.opencontainers.image.description="Labels sentence-level relations between countries in English news" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin relations
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
COPY labels/gazetteer /app/labels/gazetteer
COPY model_artifacts /app/model_artifacts
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 ORT_DISABLE_TELEMETRY=1
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s --retries=3 CMD ["country-relations", "health"]
STOPSIGNAL SIGTERM
# The exec form: gunicorn runs in this process, as PID 1, and gets the signals itself.
ENTRYPOINT ["country-relations", "serve", "--host", "0.0.0.0", "--port", "8000"]
