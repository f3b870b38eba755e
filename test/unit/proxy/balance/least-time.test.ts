import { leastTime } from '../../../../src/proxy/balance/least-time.ts';
import { conformance } from './conformance.ts';

conformance('least-time', leastTime, { weights: 'in flight' });
