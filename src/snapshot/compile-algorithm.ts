import { parseDuration } from '../base/duration.ts';
import { AlgorithmObjectSchema, type AlgorithmConfig, type AlgorithmName } from '../schema/algorithm.ts';
import type { AlgorithmSpec, HashKey } from './algorithm-spec.ts';

export function compileAlgorithm(algorithm: AlgorithmConfig): AlgorithmSpec {
  const object = typeof algorithm === 'string' ? byName(algorithm) : algorithm;
  const { name = 'user', function: reference = null, key = 'client-ip', decay, zone } = object;
  return {
    name,
    function: reference,
    key: compileKey(name, key),
    decayMs: parseDuration(decay),
    zone: zone === undefined ? null : { enough: zone.enough / 100 },
  };
}

/** The name alone stands for an object that has nothing else. */
function byName(name: AlgorithmName): Exclude<AlgorithmConfig, string> {
  return { name, decay: AlgorithmObjectSchema.properties.decay.default };
}

function compileKey(name: string, key: string): HashKey | null {
  if (name !== 'rendezvous') return null;
  if (key === 'path' || key === 'client-ip') return { kind: key };
  const keyName = key.slice(key.indexOf(':') + 1);
  // Field names are compared without regard to case (RFC 9110 section 5.1), cookie names with it (RFC 6265 section 5.3).
  return key.startsWith('cookie:')
    ? { kind: 'cookie', name: keyName }
    : { kind: 'header', name: keyName.toLowerCase() };
}
