import { connect } from 'node:net';

import { TargetGuard } from '../../base/target-guard.ts';
import type { Probe, ProbeRequest, ProbeResult } from './probe.ts';
import { probeFailureOf } from './probe-failure.ts';

/** Checks whether a connection can be made, and says nothing on it. */
export function createTcpProbe(targetGuard: TargetGuard = new TargetGuard()): Probe {
  return ({ host, port }: ProbeRequest, signal) =>
    new Promise<ProbeResult>((resolve) => {
      const socket = connect({ host, port, lookup: targetGuard.lookup(port), signal });
      const end = (result: ProbeResult): void => {
        resolve(result);
        // Not half-closed: a target would wait for what is never said.
        socket.resetAndDestroy();
      };
      socket.once('connect', () => end(null));
      socket.on('error', (error) => end(probeFailureOf(error)));
    });
}
