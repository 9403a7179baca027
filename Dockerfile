# The operator's image; it has the reader in it as well, so that a workload can be built on it.
#
#   make assets && docker build -t promptrelease:0.1.0 .
#
# What it holds is what requirements/image.txt names, to the hash. Without a package index, from wheels
# that were fetched before, on the same Python as the base's:
#
#   pip download --require-hashes --dest wheelhouse --requirement requirements/image.txt
#   pip wheel --no-deps --wheel-dir wheelhouse . && docker build -t promptrelease:0.1.0 .

ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY . .
RUN test -f operator/promptrelease/console/static/vendor/htmx.min.js || \
    { echo "the console's scripts are not there: run 'make assets' before" >&2; exit 1; }
# With --target, since a base may have neither venv nor a Python that lets pip change it. In two steps:
# the project itself has no hash, and what it is built with has.
RUN pip() { python3 -m pip install --no-cache-dir --disable-pip-version-check --no-deps "$@"; }; set -e; \
    if [ -d wheelhouse ]; then \
        pip --target /app --require-hashes --no-index --find-links wheelhouse -r requirements/image.txt; \
        pip --target /app --upgrade --no-index wheelhouse/promptrelease-*.whl; \
    else \
        pip --target /app --require-hashes -r requirements/image.txt; \
        pip --target /build --require-hashes -r requirements/build.txt; \
        PYTHONPATH=/build pip --target /app --upgrade --no-build-isolation .; \
    fi

FROM ${BASE}
LABEL org.opencontainers.image.title="promptrelease" \
      org.opencontainers.image.description="Prompts for LLM applications, released through ConfigMaps" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
# HOME and USER: the user below, or one that a cluster assigns, has no entry in /etc/passwd, where
# libraries would look for them.
ENV PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/ \
    USER=promptrelease
# By number, which is how Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["promptrelease-operator"]
