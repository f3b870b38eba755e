import { leastConnections } from '../../../../src/proxy/balance/least-connections.ts';
import { conformance } from './conformance.ts';

conformance('least-connections', leastConnections, { weights: 'in flight' });
