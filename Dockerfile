# Temei in a container: docker build -t temei . && docker run -p 7860:7860 -e TEMEI_AUTH=me:secret -v temei:/data temei
# docs/deploy.md says more. The first stage builds the package, the second holds nothing but it and what it needs.
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN pip install --no-cache-dir "setuptools>=77" && pip wheel --no-cache-dir --no-deps --no-build-isolation -w /dist .

FROM python:3.11-slim
COPY --from=build /dist /dist
# torch's own index has a build without CUDA, a quarter of the size.
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu /dist/*.whl \
    && rm -r /dist && useradd --create-home --uid 10001 temei && install -d -o temei -g temei -m 700 /data
USER temei
WORKDIR /data
ENV TEMEI_HOME=/data/state TEMEI_HOST=0.0.0.0 TEMEI_PORT=7860
VOLUME /data
EXPOSE 7860
# The login page, or the page itself, answers as soon as the model is open. 401 and 403 answer too.
HEALTHCHECK --start-period=90s --interval=30s --timeout=10s CMD ["python", "-c", \
    "import socket; socket.create_connection(('127.0.0.1', 7860), 5).close()"]
# An index with the shipped article is made on the first start, so that the page opens.
CMD ["sh", "-c", "[ -e \"$TEMEI_HOME/chroma\" ] || [ -n \"$TEMEI_CHROMA_URL\" ] || temei ingest; exec temei chat"]
