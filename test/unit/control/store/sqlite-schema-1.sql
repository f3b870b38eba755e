-- A store of schema 1 with the changes 1 and 2 of test/faults/store-changes.ts, as it was first released. Never to change.
PRAGMA application_id = 1131705970;
PRAGMA user_version = 1;
CREATE TABLE state (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      disowned INTEGER NOT NULL DEFAULT 0,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
CREATE TABLE services (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
CREATE TABLE receipts (
      id INTEGER PRIMARY KEY,
      receipt TEXT NOT NULL UNIQUE,
      service TEXT NOT NULL,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
CREATE INDEX receipts_by_service ON receipts (service, id);
CREATE TABLE generations (
      id INTEGER PRIMARY KEY,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
CREATE TABLE audit (
      id INTEGER PRIMARY KEY,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
CREATE TABLE idempotency_keys (
      id INTEGER PRIMARY KEY,
      key TEXT NOT NULL UNIQUE,
      body TEXT NOT NULL,
      checksum INTEGER NOT NULL
    ) STRICT;
INSERT INTO state (id, disowned, body, checksum) VALUES (1, 0, '{"generation":2,"deleted":[]}', 3742701842);
INSERT INTO services (id, name, body, checksum) VALUES (1, 'service-1', '{"name":"service-1","document":{"pools":{"blue":{"version":"1","targets":[{"url":"http://127.0.0.1:3001"}]}}},"base":null,"earlierSplits":[],"spec":{"name":"service-1","n":1},"stickySecret":"secret-1"}', 934294364);
INSERT INTO services (id, name, body, checksum) VALUES (2, 'service-2', '{"name":"service-2","document":{"pools":{"blue":{"version":"2","targets":[{"url":"http://127.0.0.1:3002"}]}}},"base":null,"earlierSplits":[],"spec":{"name":"service-2","n":2},"stickySecret":"secret-2"}', 793434755);
INSERT INTO receipts (id, receipt, service, body, checksum) VALUES (1, 'co_1', 'service-1', '{"id":"co_1","kind":"cutover","service":"service-1","from":{"blue":100},"to":{"green":100},"generation":{"before":0,"after":1},"requestedAt":"2030-01-01T00:00:00.000Z","appliedAt":null,"barrierMs":1,"workers":{"total":1,"applied":0,"fenced":0},"drainTimeout":null,"drain":{"state":"draining","inFlightAtFlip":1,"completed":0,"cut":0,"remaining":1,"longLived":0}}', 3749837506);
INSERT INTO receipts (id, receipt, service, body, checksum) VALUES (2, 'co_2', 'service-2', '{"id":"co_2","kind":"cutover","service":"service-2","from":{"blue":100},"to":{"green":100},"generation":{"before":1,"after":2},"requestedAt":"2030-01-01T00:00:00.000Z","appliedAt":null,"barrierMs":2,"workers":{"total":1,"applied":0,"fenced":0},"drainTimeout":null,"drain":{"state":"draining","inFlightAtFlip":1,"completed":0,"cut":0,"remaining":1,"longLived":0}}', 231249733);
INSERT INTO generations (id, body, checksum) VALUES (1, '{"number":1,"at":"2030-01-01T00:00:00.000Z","actor":{"kind":"api","name":"tester","address":"127.0.0.1"},"kind":"service.put","summary":"change 1","changes":[{"service":"service-1","before":null,"after":{"pools":{"blue":{"version":"1","targets":[{"url":"http://127.0.0.1:3001"}]}}}}]}', 3206793102);
INSERT INTO generations (id, body, checksum) VALUES (2, '{"number":2,"at":"2030-01-01T00:00:00.000Z","actor":{"kind":"api","name":"tester","address":"127.0.0.1"},"kind":"service.put","summary":"change 2","changes":[{"service":"service-2","before":null,"after":{"pools":{"blue":{"version":"2","targets":[{"url":"http://127.0.0.1:3002"}]}}}}]}', 3733008742);
INSERT INTO audit (id, body, checksum) VALUES (1, '{"at":"2030-01-01T00:00:00.000Z","actor":{"kind":"api","name":"tester","address":"127.0.0.1"},"requestId":"request-1","kind":"service.put","service":"service-1","result":"applied","problem":null,"detail":"change 1","generation":{"before":0,"after":1}}', 1448095229);
INSERT INTO audit (id, body, checksum) VALUES (2, '{"at":"2030-01-01T00:00:00.000Z","actor":{"kind":"api","name":"tester","address":"127.0.0.1"},"requestId":"request-2","kind":"service.put","service":"service-2","result":"applied","problem":null,"detail":"change 2","generation":{"before":1,"after":2}}', 3918135423);
INSERT INTO idempotency_keys (id, key, body, checksum) VALUES (1, 'key-1', '{"key":"key-1","fingerprint":"fingerprint-1","generation":1,"committedAtMs":1893456000000,"answer":{"status":201,"headers":{"Location":"/v1/services/x/cutovers/co_1"},"body":"{\"n\":1}"}}', 4020096601);
INSERT INTO idempotency_keys (id, key, body, checksum) VALUES (2, 'key-2', '{"key":"key-2","fingerprint":"fingerprint-2","generation":2,"committedAtMs":1893456000000,"answer":{"status":201,"headers":{"Location":"/v1/services/x/cutovers/co_2"},"body":"{\"n\":2}"}}', 554991328);
