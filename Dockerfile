# syntax=docker/dockerfile:1

FROM node:26-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:26-bookworm-slim
ENV NODE_ENV=production
COPY --from=build /app/package.json /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY LICENSE /app/

# The image's own unprivileged user, as a number, so that Kubernetes can see that it is not root.
# `state: { path: ./data }` is relative to the working directory, which is that user's.
RUN install -d -o 1000 -g 1000 /var/lib/cutover/data
USER 1000:1000
WORKDIR /var/lib/cutover
VOLUME /var/lib/cutover/data

# No curl in the image: node asks by itself. The admin API has to listen on port 9900 of the loopback address, as it
# does unless the configuration says otherwise.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9900/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

EXPOSE 8080

# Exec form, so that signals reach node itself and not a shell; and no tini, for what it does is done already. The
# kernel ignores signals to process 1 that it has no handler for: the program handles SIGTERM and SIGINT, and drains.
# Orphans are adopted by process 1, which has to reap them: the only processes that it starts are its own workers,
# and those start others only for an upgrade in place, which a container does by being replaced.
# The configuration is mounted at /etc/cutover; `docker run … check --config FILE` and the other commands work too.
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["run", "--config", "/etc/cutover/cutover.yaml"]
