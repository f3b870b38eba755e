import { rendezvous } from '../../../../src/proxy/balance/rendezvous.ts';
import { conformance } from './conformance.ts';

conformance('rendezvous', rendezvous, { weights: 'keys' });
