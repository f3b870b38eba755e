import { roundRobin } from '../../../../src/proxy/balance/round-robin.ts';
import { conformance } from './conformance.ts';

conformance('round-robin', roundRobin, { weights: 'exact' });
